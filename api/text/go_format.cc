#include "api/text/go_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <utility>

#include "api/text/go_text.h"
#include "api/text/go_value.h"
#include "api/text/runes.h"
#include "api/text/utf8.h"
#include "base/text.h"

namespace skiff {
namespace {

constexpr char32_t kRuneMax = 0x10ffff;
constexpr char32_t kRuneError = 0xfffd;
constexpr int64_t kNumberMax = 1'000'000;  // Go reads no further digit of what is more.

// Of one directive.
struct Flags {
  bool minus = false, plus = false, sharp = false, space = false, zero = false;
  bool is_syntax = false;  // "%#v", where "#" means nothing else.
  std::optional<int64_t> width, precision;
};

std::string Utf8(char32_t rune) {
  std::string text;
  AppendUtf8(rune > kRuneMax || (rune >= 0xd800 && rune < 0xe000) ? kRuneError : rune, text);
  return text;
}

// The text of a rune between single quotes: what %q has of it, but for the quotes.
std::string QuotedRune(char32_t rune) {
  if (rune == U'\'') return "'\\''";
  if (rune == U'"') return "'\"'";
  const std::string quoted = GoQuote(Utf8(rune));
  return "'" + quoted.substr(1, quoted.size() - 2) + "'";
}

// As strconv.QuoteToASCII: what GoQuote left as it is, by its number.
std::string InAscii(std::string_view quoted) {
  std::string text;
  for (size_t at = 0; at < quoted.size();) {
    const auto [rune, length] = FirstRune(quoted.substr(at));
    const auto number = static_cast<uint32_t>(rune);
    if (number < 0x80) {
      text += quoted[at];
    } else {
      text += number > 0xffff ? fmt::format("\\U{:08x}", number) : fmt::format("\\u{:04x}", number);
    }
    at += length;
  }
  return text;
}

// One value by one verb.
class Formatter {
 public:
  // Of what is longer than `room` no more is made.
  Formatter(Flags flags, char32_t verb, size_t room) : flags_(flags), verb_(verb), room_(room) {}

  std::string Of(const Json& value) const {
    if (value.is_null()) return verb_ == 'v' || verb_ == 'T' ? Padded("<nil>") : BadVerb(value);
    if (verb_ == 'T') return Padded(std::string(Cut(GoTypeOf(value))));
    return Any(value);
  }

 private:
  std::string Any(const Json& value) const {
    if (value.is_boolean()) {
      const bool fits = verb_ == 't' || verb_ == 'v';
      return fits ? Padded(value.get<bool>() ? "true" : "false") : BadVerb(value);
    }
    if (value.is_string()) return Text(value);
    if (value.is_number_integer()) return Whole(value);
    if (value.is_number()) return Float(value);
    return Members(value);
  }

  std::string Members(const Json& value) const {
    const bool is_syntax = flags_.is_syntax;
    std::string out = value.is_object() ? "map[" : "[";
    if (is_syntax) out = GoTypeOf(value) + std::string("{");
    bool first = true;
    for (const auto& [key, member] : value.items()) {
      if (out.size() > room_) return out;
      if (!first) out += is_syntax ? ", " : " ";
      first = false;
      if (value.is_object()) out += Any(Json(key)) + ":";
      if (member.is_null()) {
        out += is_syntax ? "interface {}(nil)" : "<nil>";
      } else {
        out += Any(member);
      }
    }
    return out + (is_syntax ? "}" : "]");
  }

  std::string BadVerb(const Json& value) const {
    std::string out = "%!" + Utf8(verb_) + "(";
    if (value.is_null()) return out + "<nil>)";
    return out + GoTypeOf(value) + "=" + Formatter(flags_, 'v', room_).Any(value) + ")";
  }

  std::string Padded(std::string text, bool zeros = true) const {
    const auto width = static_cast<size_t>(flags_.width.value_or(0));
    const size_t runes = RuneCount(text);
    if (runes >= width) return text;
    if (flags_.minus) return text.append(width - runes, ' ');
    return std::string(width - runes, flags_.zero && zeros ? '0' : ' ') + text;
  }

  std::string_view Cut(std::string_view text) const {
    if (!flags_.precision) return text;
    int64_t left = *flags_.precision;
    for (size_t at = 0; at < text.size(); ++at) {
      const bool begins = (static_cast<unsigned char>(text[at]) & 0xc0) != 0x80;
      if (begins && left-- == 0) return text.substr(0, at);
    }
    return text;
  }

  std::string Quoted(std::string_view text) const {
    text = Cut(text);
    const bool back = flags_.sharp && UnprintableRunes(text).empty() &&
                      text.find_first_of("`\x7f") == text.npos;
    if (back) return Padded("`" + std::string(text) + "`");
    return Padded(flags_.plus ? InAscii(GoQuote(text)) : GoQuote(text));
  }

  std::string Text(const Json& value) const {
    const auto& text = value.get_ref<const std::string&>();
    switch (verb_) {
      case 'v':
        return flags_.is_syntax ? Quoted(text) : Padded(std::string(Cut(text)));
      case 's':
        return Padded(std::string(Cut(text)));
      case 'q':
        return Quoted(text);
      case 'x':
      case 'X':
        return Bytes(text);
      default:
        return BadVerb(value);
    }
  }

  std::string Bytes(std::string_view text) const {
    if (flags_.precision) text = text.substr(0, static_cast<size_t>(*flags_.precision));
    const std::string_view lead = verb_ == 'X' ? "0X" : "0x";
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
      if (flags_.space && i > 0) out += ' ';
      if (flags_.sharp && (flags_.space || i == 0)) out += lead;
      const auto byte = static_cast<unsigned char>(text[i]);
      out += verb_ == 'X' ? fmt::format("{:02X}", byte) : fmt::format("{:02x}", byte);
    }
    return Padded(std::move(out));
  }

  std::string Whole(const Json& value) const {
    const bool is_large = value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX;
    const auto number = value.get<int64_t>();
    const auto rune = number < 0 || number > static_cast<int64_t>(kRuneMax)
                          ? kRuneError
                          : static_cast<char32_t>(number);
    switch (verb_) {
      case 'v':
      case 'd':
        return Number(value, is_large, 10);
      case 'b':
        return Number(value, is_large, 2);
      case 'o':
      case 'O':
        return Number(value, is_large, 8);
      case 'x':
      case 'X':
        return Number(value, is_large, 16);
      case 'c':
        return Padded(Utf8(rune));
      case 'q':
        return Padded(flags_.plus ? InAscii(QuotedRune(rune)) : QuotedRune(rune));
      case 'U':
        return Unicode(static_cast<uint64_t>(number));
      default:
        return BadVerb(value);
    }
  }

  std::string Unicode(uint64_t number) const {
    const auto digits = std::max<int64_t>(4, flags_.precision.value_or(4));
    std::string text = fmt::format("U+{:0{}X}", number, digits);
    const bool shows = flags_.sharp && number <= kRuneMax &&
                       UnprintableRunes(Utf8(static_cast<char32_t>(number))).empty();
    if (shows) text += " '" + Utf8(static_cast<char32_t>(number)) + "'";
    return Padded(std::move(text), /*zeros=*/false);
  }

  std::string Number(const Json& value, bool is_large, int base) const {
    const bool negative = !is_large && value.get<int64_t>() < 0;
    const auto bits = is_large ? value.get<uint64_t>()
                               : static_cast<uint64_t>(value.get<int64_t>());
    const uint64_t amount = negative ? ~bits + 1 : bits;
    if (flags_.precision == 0 && amount == 0) return Padded("", /*zeros=*/false);
    std::array<char, 64> buffer;
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), amount, base).ptr;
    std::string digits(buffer.data(), end);
    if (verb_ == 'X') std::ranges::transform(digits, digits.begin(), ::toupper);
    int64_t wanted = flags_.precision.value_or(0);
    if (!flags_.precision && flags_.zero && !flags_.minus && flags_.width) {
      wanted = *flags_.width - (negative || flags_.plus || flags_.space ? 1 : 0);
    }
    const auto size = static_cast<int64_t>(digits.size());
    if (size < wanted) digits.insert(0, static_cast<size_t>(wanted - size), '0');
    if (flags_.sharp && base == 2) digits = "0b" + digits;
    if (flags_.sharp && base == 8 && digits[0] != '0') digits = "0" + digits;
    if (flags_.sharp && base == 16) digits = (verb_ == 'X' ? "0X" : "0x") + digits;
    if (verb_ == 'O') digits = "0o" + digits;
    const char* sign = negative ? "-" : flags_.plus ? "+" : flags_.space ? " " : "";
    return Padded(sign + digits, /*zeros=*/false);
  }

  std::string Float(const Json& value) const {
    const auto number = value.get<double>();
    std::string text;
    switch (verb_) {
      case 'v':
      case 'g':
      case 'G':
        text = flags_.precision || flags_.sharp ? General(number) : GoFloat(std::abs(number));
        break;
      case 'e':
      case 'E':
        text = fmt::format("{:.{}e}", std::abs(number), flags_.precision.value_or(6));
        break;
      case 'f':
      case 'F':
        text = fmt::format("{:.{}f}", std::abs(number), flags_.precision.value_or(6));
        break;
      case 'x':
      case 'X':
        text = Hexadecimal(std::abs(number));
        break;
      case 'b':
        text = MantissaAndExponent(std::abs(number));
        break;
      default:
        return BadVerb(value);
    }
    const bool is_decimal = verb_ == 'e' || verb_ == 'E' || verb_ == 'f' || verb_ == 'F';
    const bool wants_point = flags_.sharp && is_decimal && text.find('.') == text.npos;
    if (wants_point) text.insert(std::min(text.find('e'), text.size()), 1, '.');
    if (verb_ == 'E' || verb_ == 'G' || verb_ == 'X') {
      std::ranges::transform(text, text.begin(), ::toupper);
    }
    const char* sign = std::signbit(number) ? "-" : flags_.plus ? "+" : flags_.space ? " " : "";
    const auto width = static_cast<size_t>(flags_.width.value_or(0));
    // The sign stands before the zeros.
    if (*sign != '\0' && flags_.zero && !flags_.minus && width > text.size() + 1) {
      return sign + std::string(width - text.size() - 1, '0') + text;
    }
    return Padded(sign + text);
  }

  // With "#" zeros at its end stay, six digits unless it is told.
  std::string General(double number) const {
    const double amount = std::abs(number);
    const auto digits = flags_.precision.value_or(6);
    if (!flags_.sharp) return fmt::format("{:.{}g}", amount, std::max<int64_t>(digits, 1));
    return fmt::format("{:#.{}g}", amount, std::max<int64_t>(digits, 1));
  }

  // 0x1.4p+01: as C's %a, with two digits of exponent at least.
  std::string Hexadecimal(double amount) const {
    std::string text = flags_.precision
                           ? fmt::format("{:.{}a}", amount, *flags_.precision)
                           : fmt::format("{:a}", amount);
    if (!text.starts_with("0x")) text = "0x" + text;
    const size_t exponent = text.find('p') + 2;
    if (text.size() - exponent < 2) text.insert(exponent, 1, '0');
    return text;
  }

  static std::string MantissaAndExponent(double amount) {
    constexpr int kBits = 53, kLeast = -1074;
    if (amount == 0) return fmt::format("0p{}", kLeast);
    int exponent = 0;
    const double fraction = std::frexp(amount, &exponent);
    const int shown = std::max(exponent - kBits, kLeast);
    const auto mantissa = static_cast<uint64_t>(std::ldexp(fraction, exponent - shown));
    return fmt::format("{}p{:+}", mantissa, shown);
  }

  const Flags flags_;
  const char32_t verb_;
  const size_t room_;
};

// The whole text, directive after directive.
class Printing {
 public:
  Printing(std::string_view format, std::span<const Json> arguments, size_t bytes_max)
      : format_(format), arguments_(arguments), bytes_max_(bytes_max) {}

  Result<std::string> Run() {
    while (at_ < format_.size()) {
      const size_t percent = std::min(format_.find('%', at_), format_.size());
      out_ += format_.substr(at_, percent - at_);
      at_ = percent + 1;
      if (percent < format_.size()) Directive();
      if (out_.size() > bytes_max_) return Fail(Reason::kInvalid, "it prints too much");
    }
    if (!reordered_ && next_ < arguments_.size()) Extra();
    if (out_.size() > bytes_max_) return Fail(Reason::kInvalid, "it prints too much");
    return std::move(out_);
  }

 private:
  bool Is(char wanted) const { return at_ < format_.size() && format_[at_] == wanted; }

  // Digits; none where there are none, and where they are too many: then all is read.
  std::optional<int64_t> ReadNumber() {
    std::optional<int64_t> number;
    for (; at_ < format_.size() && IsDigit(format_[at_]); ++at_) {
      if (number.value_or(0) > kNumberMax) {
        at_ = format_.size();
        return std::nullopt;
      }
      number = number.value_or(0) * 10 + (format_[at_] - '0');
    }
    return number;
  }

  // "[3]": which argument is next. Whether one stands there.
  bool ReadIndex() {
    if (!Is('[')) return false;
    reordered_ = true;
    const size_t close = format_.find(']', at_);
    if (close == format_.npos) {
      good_ = false;
      ++at_;
      return false;
    }
    ++at_;
    const auto number = ReadNumber();
    const bool is_whole = number && at_ == close;
    at_ = close + 1;
    if (is_whole && *number >= 1 && *number <= static_cast<int64_t>(arguments_.size())) {
      next_ = static_cast<size_t>(*number - 1);
      return true;
    }
    good_ = false;
    return is_whole;
  }

  // "*": an argument is the number.
  std::optional<int64_t> TakeNumber() {
    ++at_;
    if (next_ >= arguments_.size()) return std::nullopt;
    const Json& value = arguments_[next_++];
    if (!value.is_number_integer()) return std::nullopt;
    const auto number = value.get<int64_t>();
    return number > kNumberMax || number < -kNumberMax ? std::nullopt : std::optional(number);
  }

  void ReadFlags(Flags& flags) {
    for (;; ++at_) {
      if (Is('-')) flags.minus = true;
      else if (Is('+')) flags.plus = true;
      else if (Is('#')) flags.sharp = true;
      else if (Is(' ')) flags.space = true;
      else if (Is('0')) flags.zero = true;
      else return;
    }
  }

  void ReadWidth(Flags& flags, bool& is_after_index) {
    if (Is('*')) {
      flags.width = TakeNumber();
      if (!flags.width) out_ += "%!(BADWIDTH)";
      if (flags.width.value_or(0) < 0) {
        flags.width = -*flags.width;
        flags.minus = true;
        flags.zero = false;
      }
      is_after_index = false;
      return;
    }
    flags.width = ReadNumber();
    if (is_after_index && flags.width) good_ = false;  // "%[3]2d"
  }

  void ReadPrecision(Flags& flags, bool& is_after_index) {
    if (!Is('.')) return;
    ++at_;
    if (is_after_index) good_ = false;  // "%[3].2d"
    is_after_index = ReadIndex();
    if (Is('*')) {
      flags.precision = TakeNumber();
      if (flags.precision.value_or(0) < 0) flags.precision.reset();
      if (!flags.precision) out_ += "%!(BADPREC)";
      is_after_index = false;
    } else {
      flags.precision = ReadNumber().value_or(0);
    }
  }

  void Directive() {
    good_ = true;
    Flags flags;
    ReadFlags(flags);
    bool is_after_index = ReadIndex();
    ReadWidth(flags, is_after_index);
    ReadPrecision(flags, is_after_index);
    if (!is_after_index) ReadIndex();
    if (at_ >= format_.size()) {
      out_ += "%!(NOVERB)";
      return;
    }
    const auto [verb, length] = FirstRune(format_.substr(at_));
    at_ += length;
    if (verb == 'v') {
      flags.is_syntax = std::exchange(flags.sharp, false);
      flags.plus = false;  // It is about fields of structs.
    }
    if (verb == '%') {
      out_ += '%';
    } else if (!good_) {
      out_ += "%!" + Utf8(verb) + "(BADINDEX)";
    } else if (next_ >= arguments_.size()) {
      out_ += "%!" + Utf8(verb) + "(MISSING)";
    } else {
      out_ += Formatter(flags, verb, bytes_max_).Of(arguments_[next_++]);
    }
  }

  void Extra() {
    out_ += "%!(EXTRA ";
    for (size_t i = next_; i < arguments_.size(); ++i) {
      if (i > next_) out_ += ", ";
      const Json& value = arguments_[i];
      out_ += value.is_null() ? "<nil>" : GoTypeOf(value) + ("=" + GoPlain(value));
    }
    out_ += ')';
  }

  const std::string_view format_;
  const std::span<const Json> arguments_;
  const size_t bytes_max_;
  std::string out_;
  size_t at_ = 0;    // In the format.
  size_t next_ = 0;  // Of the arguments.
  bool reordered_ = false;
  bool good_ = true;  // The index of this directive.
};

}  // namespace

Result<std::string> GoSprintf(std::string_view format, std::span<const Json> arguments,
                              size_t bytes_max) {
  return Printing(format, arguments, bytes_max).Run();
}

}  // namespace skiff
