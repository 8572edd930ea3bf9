// What an editor shows. Reads `{ folder, options, files, ask: [file, offset][] }` from stdin and answers, for each place, what
// hovering shows (`signature`, `text`, `tags`) and where "go to definition" leads (`file`, `line`); and the errors of all files.
import { readFileSync } from "node:fs";
import ts from "typescript";

const { folder, options, files, ask } = JSON.parse(readFileSync(0, "utf8"));
const read = (file) => readFileSync(file, "utf8");
const service = ts.createLanguageService({
  ...ts.sys,
  useCaseSensitiveFileNames: () => true,
  getCompilationSettings: () => ts.convertCompilerOptionsFromJson(options, folder).options,
  getScriptFileNames: () => files.map((name) => `${folder}/${name}`),
  getScriptVersion: () => "1",
  getScriptSnapshot: (file) =>
    ts.sys.fileExists(file) ? ts.ScriptSnapshot.fromString(read(file)) : undefined,
  getCurrentDirectory: () => folder,
  getDefaultLibFileName: ts.getDefaultLibFilePath,
});

const plain = (parts) => ts.displayPartsToString(parts ?? []);

function answer([name, offset]) {
  const hover = service.getQuickInfoAtPosition(`${folder}/${name}`, offset);
  const { fileName, textSpan } = service.getDefinitionAtPosition(`${folder}/${name}`, offset)?.[0] ?? {};
  const text = fileName ? read(fileName) : "";
  const number = text.slice(0, textSpan?.start).split("\n").length;
  return {
    signature: plain(hover?.displayParts),
    text: plain(hover?.documentation),
    tags: (hover?.tags ?? []).map((tag) => `@${tag.name} ${plain(tag.text)}`.trim()),
    file: fileName,
    line: text.split("\n")[number - 1]?.trim(),
  };
}

const errors = files.flatMap((name) =>
  service
    .getSemanticDiagnostics(`${folder}/${name}`)
    .map((error) => `${name}: ${ts.flattenDiagnosticMessageText(error.messageText, "\n")}`),
);
console.log(JSON.stringify({ errors, answers: ask.map(answer) }));
