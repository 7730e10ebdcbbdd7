// int(x), string(x) and their like.
#include <array>
#include <charconv>
#include <cmath>

#include "api/cel/conversions.h"
#include "api/cel/libraries.h"
#include "api/text/go_text.h"
#include "api/text/time_text.h"
#include "api/text/utf8.h"

namespace skiff::cel {
namespace {

using Args = std::span<const Value>;

constexpr char kIntOverflowText[] = "integer overflow";
constexpr char kUintOverflowText[] = "unsigned integer overflow";

Value CannotConvert(const Value& from, const char* to) {
  return Value::Error("type conversion error from '" + from.TypeName() + "' to '" + to + "'");
}

Value Itself(Args a) {
  return a[0];
}

// As strconv.ParseInt reads base ten: with a sign, and nothing around it.
template <typename Integer>
std::optional<Integer> ReadInteger(std::string_view text) {
  if (text.starts_with('+') && std::is_signed_v<Integer>) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  Integer out = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), out);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return out;
}

Value IntOfDouble(Args a) {
  const double number = a[0].number();
  if (!(number > -9223372036854775808.0 && number < 9223372036854775808.0)) {
    return Value::Error(kIntOverflowText);
  }
  return Value::Int(static_cast<int64_t>(number));
}
Value IntOfUint(Args a) {
  if (a[0].unsigned_integer() > static_cast<uint64_t>(INT64_MAX)) {
    return Value::Error(kIntOverflowText);
  }
  return Value::Int(static_cast<int64_t>(a[0].unsigned_integer()));
}
Value IntOfText(Args a) {
  const auto read = ReadInteger<int64_t>(a[0].text());
  return read ? Value::Int(*read) : CannotConvert(a[0], "int");
}
Value IntOfDuration(Args a) {
  return Value::Int(a[0].integer());
}
Value IntOfTime(Args a) {
  return Value::Int(a[0].moment().seconds);
}
Value UintOfInt(Args a) {
  if (a[0].integer() < 0) return Value::Error(kUintOverflowText);
  return Value::Uint(static_cast<uint64_t>(a[0].integer()));
}
Value UintOfDouble(Args a) {
  const double number = a[0].number();
  if (!(number >= 0 && number < 18446744073709551616.0)) return Value::Error(kUintOverflowText);
  return Value::Uint(static_cast<uint64_t>(number));
}
Value UintOfText(Args a) {
  const auto read = ReadInteger<uint64_t>(a[0].text());
  return read ? Value::Uint(*read) : CannotConvert(a[0], "uint");
}
Value DoubleOfInt(Args a) {
  return Value::Double(static_cast<double>(a[0].integer()));
}
Value DoubleOfUint(Args a) {
  return Value::Double(static_cast<double>(a[0].unsigned_integer()));
}
Value DoubleOfText(Args a) {
  const auto read = ReadGoFloat(a[0].text());
  return read ? Value::Double(*read) : CannotConvert(a[0], "double");
}
Value BoolOfText(Args a) {
  const auto read = GoBool(a[0].text());
  return read ? Value::Bool(*read) : CannotConvert(a[0], "bool");
}
Value BytesOfText(Args a) {
  return Value::Bytes(std::string(a[0].text()));
}
Value TextOfScalar(Args a) {
  return Value::String(KeyText(a[0]));
}
Value TextOfBytes(Args a) {
  if (!IsUtf8(a[0].text())) {
    return Value::Error("invalid UTF-8 in bytes, cannot convert to string");
  }
  return Value::String(std::string(a[0].text()));
}
Value DurationOfText(Args a) {
  const auto read = ReadDuration(a[0].text());
  return read ? Value::Duration(*read) : CannotConvert(a[0], "google.protobuf.Duration");
}
Value DurationOfInt(Args a) {
  return CannotConvert(a[0], "google.protobuf.Duration");
}
Value TimeOfText(Args a) {
  const auto read = ReadTimestamp(a[0].text());
  if (!read) return CannotConvert(a[0], "google.protobuf.Timestamp");
  return InTimestampRange(*read) ? Value::Timestamp(*read) : Value::Error("timestamp overflow");
}
Value TimeOfInt(Args a) {
  const Moment moment{a[0].integer(), 0};
  return InTimestampRange(moment) ? Value::Timestamp(moment) : Value::Error("timestamp overflow");
}
// An object of a schema is a map while it runs.
Value TypeOfValue(Args a) {
  const bool is_document = a[0].Is(Kind::kObject) && !a[0].shared();
  return Value::TypeNamed(is_document ? "map" : a[0].TypeName());
}

constexpr std::array kConversions = {
    Declaration{"bool", "(bool) -> bool", Itself},
    Declaration{"bool", "(string) -> bool", BoolOfText},
    Declaration{"bytes", "(bytes) -> bytes", Itself},
    Declaration{"bytes", "(string) -> bytes", BytesOfText, CostRule::kTraverse},
    Declaration{"double", "(double) -> double", Itself},
    Declaration{"double", "(int) -> double", DoubleOfInt},
    Declaration{"double", "(string) -> double", DoubleOfText},
    Declaration{"double", "(uint) -> double", DoubleOfUint},
    Declaration{"duration", "(duration) -> duration", Itself},
    Declaration{"duration", "(int) -> duration", DurationOfInt},
    Declaration{"duration", "(string) -> duration", DurationOfText},
    Declaration{"dyn", "(A) -> dyn", Itself},
    Declaration{"int", "(int) -> int", Itself},
    Declaration{"int", "(double) -> int", IntOfDouble},
    Declaration{"int", "(duration) -> int", IntOfDuration},
    Declaration{"int", "(string) -> int", IntOfText},
    Declaration{"int", "(timestamp) -> int", IntOfTime},
    Declaration{"int", "(uint) -> int", IntOfUint},
    Declaration{"string", "(string) -> string", Itself},
    Declaration{"string", "(bool) -> string", TextOfScalar},
    Declaration{"string", "(bytes) -> string", TextOfBytes, CostRule::kTraverse},
    Declaration{"string", "(double) -> string", TextOfScalar},
    Declaration{"string", "(duration) -> string", TextOfScalar},
    Declaration{"string", "(int) -> string", TextOfScalar},
    Declaration{"string", "(timestamp) -> string", TextOfScalar},
    Declaration{"string", "(uint) -> string", TextOfScalar},
    Declaration{"timestamp", "(timestamp) -> timestamp", Itself},
    Declaration{"timestamp", "(int) -> timestamp", TimeOfInt},
    Declaration{"timestamp", "(string) -> timestamp", TimeOfText},
    Declaration{"uint", "(uint) -> uint", Itself},
    Declaration{"uint", "(double) -> uint", UintOfDouble},
    Declaration{"uint", "(int) -> uint", UintOfInt},
    Declaration{"uint", "(string) -> uint", UintOfText},
    Declaration{"type", "(A) -> type(A)", TypeOfValue}};

bool SameLetters(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((text[i] | 0x20) != lower[i]) return false;
  }
  return true;
}

}  // namespace

std::optional<double> ReadGoFloat(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  double out = 0;
  if (SameLetters(text, "inf") || SameLetters(text, "infinity")) {
    out = HUGE_VAL;
  } else if (SameLetters(text, "nan")) {
    out = std::nan("");
  } else {
    const bool hex = text.starts_with("0x") || text.starts_with("0X");
    if (hex) text.remove_prefix(2);
    // Go asks for the exponent of a hexadecimal number.
    if (hex && text.find_first_of("pP") == std::string_view::npos) return std::nullopt;
    if (text.empty() || text[0] == '-' || text[0] == '+' || SameLetters(text.substr(0, 1), "n") ||
        SameLetters(text.substr(0, 1), "i")) {
      return std::nullopt;
    }
    const auto format = hex ? std::chars_format::hex : std::chars_format::general;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), out, format);
    if (read.ptr != text.data() + text.size()) return std::nullopt;
    if (read.ec == std::errc::result_out_of_range) {
      out = std::strtod(std::string(text).c_str(), nullptr);
      if (hex || std::isinf(out)) return std::nullopt;
    } else if (read.ec != std::errc()) {
      return std::nullopt;
    }
  }
  return negative ? -out : out;
}

std::optional<int64_t> ReadDuration(std::string_view text) {
  const auto read = ParseGoDuration(text);
  if (!read) return std::nullopt;
  return *read;
}

std::optional<Moment> ReadTimestamp(std::string_view text) {
  const auto read = ParseInstant(text, TimeForm::kSeconds);
  if (!read) return std::nullopt;
  return Moment{read->seconds, read->nanos};
}

bool InTimestampRange(const Moment& moment) {
  return moment.seconds >= -62135596800 && moment.seconds <= 253402300799;
}

void AddConversionFunctions(FunctionTable& table) {
  table.Add(kConversions);
}

}  // namespace skiff::cel
