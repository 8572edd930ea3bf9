declare const brand: unique symbol;

/** A string that is known to be of one form; at run time it is just the string. */
export type Branded<Name extends string> = string & { readonly [brand]: Name };

function constructorOf<Name extends string>(name: Name, form: RegExp): (text: string) => Branded<Name> {
  return (text) => {
    if (typeof text !== "string" || !form.test(text))
      throw new TypeError(`${JSON.stringify(text)} is not a ${name}`);
    return text as Branded<Name>;
  };
}

const DATE = "[+-]?\\d{4,6}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])";
const TIME = "([01]\\d|2[0-3]):[0-5]\\d(:[0-5]\\d(\\.\\d{1,9})?)?";
const exactly = (form: string): RegExp => new RegExp(`^${form}$`, "i");

/** Python's `uuid.UUID`. `UUID(crypto.randomUUID())` checks the form and throws TypeError otherwise. */
export type UUID = Branded<"UUID">;
export const UUID: (text: string) => UUID = /* @__PURE__ */ constructorOf(
  "UUID",
  /* @__PURE__ */ exactly("[\\da-f]{8}(-[\\da-f]{4}){3}-[\\da-f]{12}"),
);

/** Python's `decimal.Decimal`, exact: a string, because a number would round. */
export type Decimal = Branded<"Decimal">;
export const Decimal: (text: string) => Decimal = /* @__PURE__ */ constructorOf(
  "Decimal",
  /* @__PURE__ */ exactly("[+-]?(\\d+\\.?\\d*|\\.\\d+)(e[+-]?\\d+)?"),
);

/** Python's `datetime.date`: `2026-11-30`. */
export type PlainDate = Branded<"PlainDate">;
export const PlainDate: (text: string) => PlainDate = /* @__PURE__ */ constructorOf(
  "PlainDate",
  /* @__PURE__ */ exactly(DATE),
);

/** Python's `datetime.time`: `09:30:00`, with or without an offset. */
export type PlainTime = Branded<"PlainTime">;
export const PlainTime: (text: string) => PlainTime = /* @__PURE__ */ constructorOf(
  "PlainTime",
  /* @__PURE__ */ exactly(`${TIME}(z|[+-]\\d\\d:?\\d\\d)?`),
);

/** Python's `datetime.timedelta` in ISO 8601: `PT1H30M`, `-P1DT2S`. */
export type Duration = Branded<"Duration">;
export const Duration: (text: string) => Duration = /* @__PURE__ */ constructorOf(
  "Duration",
  /* @__PURE__ */ exactly(
    "[+-]?P(?=.)(\\d+Y)?(\\d+M)?(\\d+W)?(\\d+(\\.\\d+)?D)?(T(?=.)(\\d+(\\.\\d+)?H)?(\\d+(\\.\\d+)?M)?(\\d+(\\.\\d+)?S)?)?",
  ),
);

/** Python's `datetime` without a time zone: `2026-11-30T09:30:00`. An aware `datetime` is a `Date`. */
export type NaiveDatetime = Branded<"NaiveDatetime">;
export const NaiveDatetime: (text: string) => NaiveDatetime = /* @__PURE__ */ constructorOf(
  "NaiveDatetime",
  /* @__PURE__ */ exactly(`${DATE}[T ]${TIME}`),
);
