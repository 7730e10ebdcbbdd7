#include "cli/compose/env_file.h"

#include <fmt/format.h>

#include <algorithm>
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
  EnvFileReader(const std::string& file, std::string_view text, const Lookup& lookup, bool raw)
      : file_(file), rest_(text), lookup_(lookup), raw_(raw) {}

  Result<Variables> Read() {
    if (!IsUtf8(rest_)) return CliError(fmt::format("{}: it is not UTF-8", file_));
    if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);
    while (!rest_.empty()) {
      ++line_;
      TRY(ReadLine());
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
    std::string value =
        TRY(raw_ ? Result<std::string>(WithoutBlanks(TakeLine(), kBlanks)) : Value());
    Set(name, std::move(value));
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
    if (auto value = lookup_(name)) Set(name, std::move(*value));
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
    const std::string_view value = TakeLine();
    // As Docker's own parser: without the blank it is part of the value, "#ff0000" or a password.
    return Expanded(WithoutBlanks(value.substr(0, value.find(" #")), kBlanks));
  }

  // In quotes of either kind a backslash has the same quote not end the value.
  Result<std::string> Quoted(char quote) {
    size_t end = 1;
    std::string inside;
    while (end < rest_.size() && rest_[end] != quote) {
      const bool is_escape = rest_[end] == '\\' && end + 1 < rest_.size();
      const bool is_quote = is_escape && rest_[end + 1] == quote;
      inside += rest_.substr(is_quote ? end + 1 : end, is_escape && !is_quote ? 2 : 1);
      end += is_escape ? 2 : 1;
    }
    if (end >= rest_.size()) return Bad("unterminated quoted value");
    const std::string_view written = rest_.substr(1, end - 1);
    const auto lines = static_cast<int>(std::count(written.begin(), written.end(), '\n'));
    rest_.remove_prefix(end + 1);
    const std::string_view behind = WithoutBlanks(TakeLine(), kBlanks);
    if (!behind.empty() && behind[0] != '#') {
      return Bad(fmt::format("unexpected {} behind a quoted value", GoQuote(behind.substr(0, 40))));
    }
    auto value = quote == '\'' ? Result<std::string>(inside) : Expanded(Unescaped(inside));
    line_ += lines;
    return value;
  }

  static std::string Unescaped(std::string_view text) {
    static constexpr std::pair<char, std::string_view> kEscapes[] = {
        {'a', "\a"}, {'b', "\b"}, {'f', "\f"}, {'n', "\n"},  {'r', "\r"},
        {'t', "\t"}, {'v', "\v"}, {'"', "\""}, {'\\', "\\"}, {'$', "$$"}};  // Expanded() makes one.
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '\\' || i + 1 == text.size()) {
        out += text[i];
        continue;
      }
      const char c = text[++i];
      const auto known = std::find_if(std::begin(kEscapes), std::end(kEscapes),
                                      [c](const auto& each) { return each.first == c; });
      if (known != std::end(kEscapes)) {
        out += known->second;
      } else if (const auto code = Octal(text.substr(i)); code) {
        AppendUtf8(*code, out);
        i += 3;
      } else {
        (out += '\\') += c;
      }
    }
    return out;
  }

  // "0101" -> 'A'
  static std::optional<uint32_t> Octal(std::string_view text) {
    uint32_t code = 0;
    if (text.size() < 4 || text[0] != '0') return std::nullopt;
    for (const char digit : text.substr(1, 3)) {
      if (digit < '0' || digit > '7') return std::nullopt;
      code = code * 8 + static_cast<uint32_t>(digit - '0');
    }
    return code <= 0xff ? std::optional(code) : std::nullopt;
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
    if (auto value = lookup_(name)) return value;
    const auto found = places_.find(name);
    if (found == places_.end()) return std::nullopt;
    return variables_[found->second].second;
  }

  const std::string& file_;
  std::string_view rest_;
  const Lookup& lookup_;
  size_t bytes_ = 0;  // Of all values with what variables stand for.
  const bool raw_;
  int line_ = 0;
  Variables variables_;
  std::map<std::string, size_t> places_;
};

}  // namespace

Result<Variables> ParseEnvFile(const std::string& file, std::string_view text,
                               const Lookup& lookup, bool raw) {
  return EnvFileReader(file, text, lookup, raw).Read();
}

}  // namespace skiff::cli::compose
