#include "cli/compose/env_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "api/text/go_text.h"
#include "api/text/utf8.h"
#include "base/text.h"
#include "cli/errors.h"

namespace skiff::cli::compose {
namespace {

constexpr std::string_view kBlanks = " \t\r";

class EnvFileReader {
 public:
  EnvFileReader(const std::string& file, std::string_view text, const EnvFileScope& scope)
      : file_(file), rest_(text), scope_(scope) {}

  Result<Variables> Read() {
    if (!IsUtf8(rest_)) return CliError(fmt::format("{}: it is not UTF-8", file_));
    if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);
    while (!rest_.empty()) {
      ++line_;
      TRY(scope_.raw ? ReadRawLine() : ReadLine());
      if (variables_.size() > kVariablesMax) {
        return Bad(fmt::format("more than {} variables", kVariablesMax));
      }
    }
    return std::move(variables_);
  }

 private:
  tl::unexpected<Error> Bad(const std::string& why) const {
    return CliError(fmt::format("{}:{}: {}", file_, line_, why));
  }

  // Up to the end of the line, which is taken off.
  std::string_view TakeLine() {
    const size_t end = std::min(rest_.find('\n'), rest_.size());
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return line;
  }

  Result<> ReadLine() {
    const size_t end = std::min(rest_.find('\n'), rest_.size());
    const std::string_view line = rest_.substr(0, end);
    std::string_view head = WithoutBlanks(line, kBlanks);
    if (head.empty() || head[0] == '#') {
      TakeLine();
      return {};
    }
    const size_t sign = line.find_first_of("=:");
    const size_t comment = line.find(" #");
    if (sign == line.npos || sign > comment) {
      TakeLine();
      return Inherit(WithoutBlanks(head.substr(0, head.find(" #")), kBlanks));
    }
    const std::string name = TRY(Name(line.substr(0, sign)));
    rest_.remove_prefix(sign + 1);
    std::string value = TRY(Value());
    Set(name, std::move(value));
    return {};
  }

  // As `docker run --env-file` reads it: blanks, quotes and all else behind the "=" are the value.
  Result<> ReadRawLine() {
    std::string_view line = TakeLine();
    if (line.ends_with('\r')) line.remove_suffix(1);
    line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
    if (line.empty() || line[0] == '#') return {};
    const size_t sign = line.find('=');
    const std::string name(line.substr(0, sign));
    if (name.empty() || name.find_first_of(kBlanks) != name.npos) {
      return Bad(fmt::format("unexpected character in variable name {}", GoQuote(name)));
    }
    if (sign != line.npos) {
      Set(name, std::string(line.substr(sign + 1)));
    } else if (auto value = scope_.lookup(name)) {
      Set(name, std::move(*value));
    }
    return {};
  }

  Result<std::string> Name(std::string_view text) const {
    std::string_view name = WithoutBlanks(text, kBlanks);
    if (name.starts_with("export ")) name = WithoutBlanks(name.substr(7), kBlanks);
    const bool fits = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
      return IsAlnum(c) || c == '_' || c == '.' || c == '-' || c == '[' || c == ']';
    });
    if (!fits) {
      return Bad(fmt::format("unexpected character in variable name {}", GoQuote(name)));
    }
    return std::string(name);
  }

  Result<> Inherit(std::string_view text) {
    const std::string name = TRY(Name(text));
    if (auto value = scope_.lookup(name)) Set(name, std::move(*value));
    return {};
  }

  void Set(const std::string& name, std::string value) {
    const auto [at, is_new] = places_.try_emplace(name, variables_.size());
    if (is_new) {
      variables_.emplace_back(name, std::move(value));
    } else {
      variables_[at->second].second = std::move(value);
    }
  }

  Result<std::string> Value() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size()));
    if (rest_.starts_with('\'') || rest_.starts_with('"')) return Quoted(rest_[0]);
    // A comment has a space before it: a value may begin with "#", as colours do, and passwords.
    const std::string_view value = TakeLine();
    return Expanded(WithoutBlanks(value.substr(0, value.find(" #")), kBlanks));
  }

  Result<std::string> Quoted(char quote) {
    size_t end = 1;
    while (end < rest_.size() && rest_[end] != quote) end += rest_[end] == '\\' ? 2 : 1;
    if (end >= rest_.size()) return Bad("unterminated quoted value");
    const std::string_view inside = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    const std::string_view behind = WithoutBlanks(TakeLine(), kBlanks);
    if (!behind.empty() && behind[0] != '#') {
      return Bad(fmt::format("unexpected {} behind a quoted value", GoQuote(behind.substr(0, 40))));
    }
    auto value =
        quote == '\'' ? Result<std::string>(WithQuotes(inside)) : Expanded(Unescaped(inside));
    line_ += static_cast<int>(std::count(inside.begin(), inside.end(), '\n'));
    return value;
  }

  // Of what stands in single quotes.
  static std::string WithQuotes(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
      // Behind a backslash that another one stands for, a quote would have ended it.
      if (text.substr(i, 2) == "\\'") ++i;
      out += text[i];
    }
    return out;
  }

  // Of what stands in double ones, as the shell and Go have it, but for \x, \u and \U.
  static std::string Unescaped(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '\\' || i + 1 == text.size()) {
        out += text[i];
        continue;
      }
      const char c = text[++i];
      constexpr std::string_view kLetters = "abfnrtv\"\\";
      constexpr std::string_view kMeant = "\a\b\f\n\r\t\v\"\\";
      if (const size_t at = kLetters.find(c); at != kLetters.npos) {
        out += kMeant[at];
      } else if (c == '$') {
        out += "$$";  // Expanded() makes one of it.
      } else if (c == '0') {
        i += AppendOctal(text.substr(i + 1), out);
      } else {
        out += '\\';
        out += c;
      }
    }
    return out;
  }

  // Of "\0101" what stands behind the zero; how much of it was taken.
  static size_t AppendOctal(std::string_view rest, std::string& out) {
    size_t count = 0;
    while (count < 3 && count < rest.size() && IsDigit(rest[count])) ++count;
    const std::string_view digits = rest.substr(0, count);
    int code = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + count, code, 8);
    const bool is_one = count == 3 && error == std::errc() && end == digits.data() + count;
    if (is_one && code < 256) {
      AppendUtf8(static_cast<uint32_t>(code), out);
    } else {
      out += fmt::format("\\{}", digits);
    }
    return count;
  }

  Result<std::string> Expanded(std::string_view text) {
    Interpolation with{.lookup = [this](const std::string& name) { return Known(name); },
                       .lenient = true};
    auto value = Interpolate(text, with);
    if (!value) return Bad(value.error().message);
    bytes_ += value->size();
    if (bytes_ > kInterpolatedFileBytesMax) {
      return Bad(fmt::format("variables make more than {} bytes of the file",
                             kInterpolatedFileBytesMax));
    }
    return value;
  }

  std::optional<std::string> Known(const std::string& name) const {
    if (auto value = scope_.lookup(name)) return value;
    const auto found = places_.find(name);
    if (found != places_.end()) return variables_[found->second].second;
    return scope_.before ? scope_.before(name) : std::nullopt;
  }

  const std::string& file_;
  std::string_view rest_;
  const EnvFileScope& scope_;
  size_t bytes_ = 0;  // Of all values with what variables stand for.
  int line_ = 0;
  Variables variables_;
  std::map<std::string, size_t> places_;
};

}  // namespace

Lookup LookupOf(const std::map<std::string, std::string>& variables) {
  return [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

Result<Variables> ParseEnvFile(const std::string& file, std::string_view text,
                               const EnvFileScope& scope) {
  return EnvFileReader(file, text, scope).Read();
}

}  // namespace skiff::cli::compose
