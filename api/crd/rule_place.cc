// fieldPath of a rule: ".a.b", "['a b']", ".map['key']".
#include "api/crd/definition_structure.h"
#include "api/crd/rule.h"

namespace skiff::crd {
namespace {

// Splits at dots and brackets, which are tokens themselves; text in single quotes is one token.
class PathTokens {
 public:
  explicit PathTokens(std::string_view path) : rest_(path) {}

  bool Next(std::string_view& token) {
    if (rest_.empty()) return false;
    const size_t length = Length();
    token = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return true;
  }

 private:
  static bool Divides(char c) { return c == '.' || c == '[' || c == ']'; }

  size_t Length() const {
    if (rest_[0] == '\'') {
      for (size_t i = 1; i < rest_.size(); ++i) {
        if (rest_[i] == '\'' && rest_[i - 1] != '\\') return i + 1;
      }
      return rest_.size();
    }
    if (Divides(rest_[0])) return 1;
    size_t length = 1;
    while (length < rest_.size() && !Divides(rest_[length])) ++length;
    return length;
  }

  std::string_view rest_;
};

std::optional<std::string> Unescaped(std::string_view text) {
  constexpr std::string_view kLetters = "abfnrtv'\\";
  constexpr std::string_view kMeaning = "\a\b\f\n\r\t\v'\\";
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      plain += text[i];
      continue;
    }
    const size_t which = kLetters.find(text[++i]);
    if (which == kLetters.npos) return std::nullopt;
    plain += kMeaning[which];
  }
  return plain;
}

// Goes down a schema while it writes where it is.
class FieldWalk {
 public:
  explicit FieldWalk(const Json& props) : at_(&props) {}

  // False: there is no such field.
  bool Go(const std::string& name) {
    if (const Json* properties = PartOf(*at_, "properties")) {
      const auto found = properties->find(name);
      if (found == properties->end() || !found->is_object()) return false;
      at_ = &*found;
      text_.append(text_.empty() ? "" : ".").append(name);
      return true;
    }
    const Json* additional = PartOf(*at_, "additionalProperties");
    if (additional == nullptr || !additional->is_object()) return false;
    at_ = additional;
    text_.append("[").append(name).append("]");
    return true;
  }

  std::string&& TakeText() { return std::move(text_); }

 private:
  const Json* at_;
  std::string text_;
};

bool IsQuoted(std::string_view token) {
  return token.size() >= 2 && token.front() == '\'' && token.back() == '\'';
}

}  // namespace

std::optional<std::string> PlaceOfField(std::string_view path, const Json& props) {
  PathTokens tokens(path);
  FieldWalk walk(props);
  std::string_view token;
  while (tokens.Next(token)) {
    if (token == ".") {
      if (!tokens.Next(token) || !walk.Go(std::string(token))) return std::nullopt;
      continue;
    }
    if (token != "[" || !tokens.Next(token) || !IsQuoted(token)) return std::nullopt;
    const auto name = Unescaped(token.substr(1, token.size() - 2));
    if (!name || !walk.Go(*name)) return std::nullopt;
    if (!tokens.Next(token) || token != "]") return std::nullopt;
  }
  return walk.TakeText();
}

}  // namespace skiff::crd
