#include "api/crd/formats.h"

#include <re2/re2.h>

#include <algorithm>
#include <cctype>

#include "api/cel/go_url.h"
#include "api/cel/net.h"
#include "api/crd/mail_address.h"
#include "api/rules/core/ip.h"
#include "api/rules/names.h"
#include "api/text/format_duration.h"
#include "api/text/time_text.h"
#include "base/text.h"

namespace skiff::crd {
namespace {

using re2::RE2;

// All patterns are RE2::Quiet: what a client wrote is not worth a line on stderr.

// One label, of which the second character alone may be a dash; or labels that end in a dot each,
// and letters. A label has 63 bytes at most, so that no repetition has to be counted.
bool IsHostname(std::string_view text) {
  static const RE2 kForm(
      "[a-zA-Z0-9\\p{S}\\p{L}]-?[a-zA-Z0-9\\p{S}\\p{L}]*|"
      "(?:[a-zA-Z0-9\\p{S}\\p{L}](?:[a-zA-Z0-9\\p{S}\\p{L}-]*[a-zA-Z0-9\\p{S}\\p{L}])?\\.)+"
      "[a-zA-Z\\p{L}]{2,}",
      RE2::Quiet);
  if (text.size() > 255) return false;
  for (size_t at = 0; at <= text.size();) {
    const size_t dot = std::min(text.find('.', at), text.size());
    if (dot - at > 63) return false;
    at = dot + 1;
  }
  return RE2::FullMatch(text, kForm);
}

// Of 6, 8 or 20 bytes, each two digits, or two of them four digits; all parted by the same mark.
bool IsMac(std::string_view text) {
  if (text.size() < 14) return false;
  const size_t digits = text[4] == '.' ? 4 : 2;
  const char mark = text[digits];
  if (digits == 2 && mark != ':' && mark != '-') return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool at_mark = i % (digits + 1) == digits;
    if (at_mark ? text[i] != mark : std::isxdigit(c) == 0) return false;
  }
  const size_t bytes = (text.size() + 1) / (digits + 1) * (digits / 2);
  return (text.size() + 1) % (digits + 1) == 0 && (bytes == 6 || bytes == 8 || bytes == 20);
}

bool IsIpv6(std::string_view text) {
  const cel::ReadAddress address = cel::ParseAddress(text);
  return address.error.empty() && !address.has_zone && text.find(':') != text.npos;
}

std::string Compact(std::string_view text, std::string_view dropped) {
  std::string out;
  for (const char c : text) {
    if (dropped.find(c) == dropped.npos) out += c;
  }
  return out;
}

constexpr std::string_view kBetweenDigits = " \t\n\f\r-";

bool IsIsbn10(std::string_view text) {
  const std::string digits = Compact(text, kBetweenDigits);
  if (digits.size() != 10) return false;
  int sum = 0;
  for (int i = 0; i < 10; ++i) {
    const char c = digits[static_cast<size_t>(i)];
    if (std::isdigit(static_cast<unsigned char>(c))) {
      sum += (i + 1) * (c - '0');
    } else if (i == 9 && c == 'X') {
      sum += 10 * 10;
    } else {
      return false;
    }
  }
  return sum % 11 == 0;
}

bool AllDigits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); });
}

bool IsIsbn13(std::string_view text) {
  const std::string digits = Compact(text, kBetweenDigits);
  if (digits.size() != 13 || !AllDigits(digits)) return false;
  int sum = 0;
  for (size_t i = 0; i < 13; ++i) sum += (digits[i] - '0') * (i % 2 == 0 ? 1 : 3);
  return sum % 10 == 0;
}

bool IsCreditCard(std::string_view text) {
  static const RE2 kForm(
      "^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|"
      "3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\\d{3})\\d{11})$",
      RE2::Quiet);
  std::string digits;
  for (const unsigned char c : text) {
    if (std::isdigit(c)) digits += static_cast<char>(c);
  }
  if (!RE2::PartialMatch(digits, kForm)) return false;
  int sum = 0;
  for (size_t i = 0; i < digits.size(); ++i) {
    int digit = digits[digits.size() - 1 - i] - '0';
    if (i % 2 == 1) digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
    sum += digit;
  }
  return sum % 10 == 0;
}

bool IsRgb(std::string_view text) {
  static const RE2 kForm(
      "^rgb\\(\\s*(0|[1-9]\\d?|1\\d\\d?|2[0-4]\\d|25[0-5])\\s*,\\s*(0|[1-9]\\d?|1\\d\\d?|2[0-4]\\d|"
      "25[0-5])\\s*,\\s*(0|[1-9]\\d?|1\\d\\d?|2[0-4]\\d|25[0-5])\\s*\\)$",
      RE2::Quiet);
  return RE2::PartialMatch(text, kForm);
}

bool IsDate(std::string_view text) {
  static const RE2 kForm("\\d{4}-\\d{2}-\\d{2}", RE2::Quiet);
  if (!RE2::FullMatch(text, kForm)) return false;
  return ParseInstant(text, TimeForm::kDate).has_value();
}

// A second "t" ends what is looked at.
bool IsDateTime(std::string_view text) {
  static const RE2 kTime(
      "([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?([zZ]|([+-][0-9]{2}:[0-9]{2}))", RE2::Quiet);
  const size_t mark = text.find_first_of("tT");
  if (mark == std::string_view::npos || !IsDate(text.substr(0, mark))) return false;
  text.remove_prefix(mark + 1);
  int hour = 0, minute = 0, second = 0;
  return RE2::FullMatch(text.substr(0, text.find_first_of("tT")), kTime, &hour, &minute,
                        &second) &&
         hour <= 23 && minute <= 59 && second <= 59;
}

bool IsUuid(std::string_view text, std::string_view version) {
  static const RE2 kAny("(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}",
                        RE2::Quiet);
  if (!RE2::FullMatch(text, kAny)) return false;
  if (version.empty()) return true;
  const std::string digits = Compact(text, "-");
  if (digits[12] != version[0]) return false;
  return version == "3" || std::string_view("89abAB").find(digits[16]) != std::string_view::npos;
}

template <const char* kPattern>
bool Matches(std::string_view text) {
  static const RE2 kForm(kPattern, RE2::Quiet);
  return RE2::FullMatch(text, kForm);
}
constexpr char kObjectId[] = "[0-9a-fA-F]{24}";
constexpr char kSsn[] = "\\d{3}[- ]\\d{2}[- ]\\d{4}";
constexpr char kHexColor[] = "#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})";
constexpr char kBase64[] =
    "(?:[A-Za-z0-9+\\/]{4})*(?:[A-Za-z0-9+\\/]{2}==|[A-Za-z0-9+\\/]{3}=|[A-Za-z0-9+\\/]{4})";

struct Format {
  std::string_view name;
  bool (*holds)(std::string_view text);
};
constexpr Format kFormats[] = {
    {"bsonobjectid", &Matches<kObjectId>},
    {"uri", [](std::string_view t) { return cel::ParseRequestUri(t).error.empty(); }},
    {"email", &IsMailAddress},
    {"hostname", &IsHostname},
    {"ipv4", [](std::string_view t) { return ParseIp(t) && t.find('.') != t.npos; }},
    {"ipv6", &IsIpv6},
    {"cidr", [](std::string_view t) { return ParseCidr(t).has_value(); }},
    {"mac", &IsMac},
    {"uuid", [](std::string_view t) { return IsUuid(t, ""); }},
    {"uuid3", [](std::string_view t) { return IsUuid(t, "3"); }},
    {"uuid4", [](std::string_view t) { return IsUuid(t, "4"); }},
    {"uuid5", [](std::string_view t) { return IsUuid(t, "5"); }},
    {"isbn", [](std::string_view t) { return IsIsbn10(t) || IsIsbn13(t); }},
    {"isbn10", &IsIsbn10},
    {"isbn13", &IsIsbn13},
    {"creditcard", &IsCreditCard},
    {"ssn", &Matches<kSsn>},
    {"hexcolor", &Matches<kHexColor>},
    {"rgbcolor", &IsRgb},
    {"byte", &Matches<kBase64>},
    {"password", [](std::string_view) { return true; }},
    {"date", &IsDate},
    {"datetime", &IsDateTime},
    {"duration", [](std::string_view t) { return ParseFormatDuration(t).has_value(); }},
    {"k8sshortname", [](std::string_view t) { return Dns1123LabelErrors(t).empty(); }},
    {"k8slongname", [](std::string_view t) { return Dns1123SubdomainErrors(t).empty(); }},
};

const Format* Find(std::string_view name) {
  const auto found = std::find_if(std::begin(kFormats), std::end(kFormats),
                                  [&](const Format& each) { return each.name == name; });
  return found == std::end(kFormats) ? nullptr : found;
}

}  // namespace

std::string KnownFormat(std::string_view format) {
  return Find(Compact(format, "-")) == nullptr ? "" : std::string(format);
}

bool HasFormat(std::string_view format, std::string_view text) {
  const Format* found = Find(Compact(format, "-"));
  return found == nullptr || found->holds(text);
}

}  // namespace skiff::crd
