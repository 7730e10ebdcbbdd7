// Paths to fields: ".a.b", "['a b']", ".map['key']".
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

Error NoPath(std::string why) {
  return {Reason::kInvalid, std::move(why)};
}

Result<std::string> Unescaped(std::string_view text) {
  constexpr std::string_view kLetters = "abfnrtv'\\";
  constexpr std::string_view kMeaning = "\a\b\f\n\r\t\v'\\";
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      plain += text[i];
      continue;
    }
    const size_t which = kLetters.find(text[++i]);
    if (which == kLetters.npos) {
      return Fail(NoPath("invalid string literal: invalid escape char " +
                         std::string(text.substr(i - 1, 2))));
    }
    plain += kMeaning[which];
  }
  return plain;
}

// Goes down a schema while it writes where it is.
class FieldWalk {
 public:
  explicit FieldWalk(const Json& props) : at_(&props) {}

  Result<> Go(const std::string& name) {
    const Json* below = nullptr;
    const Json* properties = PartOf(*at_, "properties");
    const Json* additional = PartOf(*at_, "additionalProperties");
    if (properties != nullptr) {
      below = PartOf(*properties, name);
      text_.append(text_.empty() ? "" : ".").append(name);
    } else if (additional != nullptr) {
      below = additional;
      text_.append("[").append(name).append("]");
    }
    if (below == nullptr || !below->is_object()) {
      return Fail(NoPath("does not refer to a valid field"));
    }
    at_ = below;
    return {};
  }

  FoundField Found() && { return {std::move(text_), *at_}; }

 private:
  const Json* at_;
  std::string text_;
};

bool IsQuoted(std::string_view token) {
  return token.size() >= 2 && token.front() == '\'' && token.back() == '\'';
}

}  // namespace

Result<FoundField> FindField(std::string_view path, const Json& props, bool takes_brackets) {
  PathTokens tokens(path);
  FieldWalk walk(props);
  std::string_view token;
  const auto next = [&]() -> Result<> {
    if (tokens.Next(token)) return {};
    return Fail(NoPath("unexpected end of JSON path"));
  };
  while (tokens.Next(token)) {
    if (token == ".") {
      TRY(next());
      TRY(walk.Go(std::string(token)));
      continue;
    }
    if (token != "[") {
      return Fail(NoPath("expected [ or . but got: " + std::string(token)));
    }
    if (!takes_brackets) return Fail(NoPath("array notation is not allowed"));
    TRY(next());
    if (!IsQuoted(token)) {
      return Fail(NoPath("expected single quoted string but got " + std::string(token)));
    }
    const std::string name = TRY(Unescaped(token.substr(1, token.size() - 2)));
    TRY(walk.Go(name));
    TRY(next());
    if (token != "]") return Fail(NoPath("expected ] but got " + std::string(token)));
  }
  return std::move(walk).Found();
}

}  // namespace skiff::crd
