// A parsed template, and the values it is carried out on.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/values.h"
#include "base/error.h"

namespace skiff::cli {

struct TemplateNode {
  enum class Kind : uint8_t {
    // Statements. `parts` holds the pipeline, if there is one.
    kText,
    kAction,
    kIf,
    kRange,
    kWith,
    kBreak,
    kContinue,
    kTemplate,
    // Expressions.
    kPipe,      // `parts` are commands: each one's value is the last argument of the next one.
    kCommand,   // `parts` are operands.
    kFunction,  // By `text`.
    kVariable,  // `names`: "$x", and fields of it.
    kField,     // `names`, of the dot.
    kChain,     // `names`, of the one part: brackets, or a function.
    kDot,
    kNil,
    kBool,
    kNumber,
    kString,
  };
  Kind kind = Kind::kText;
  size_t position = 0;  // In the template; what messages point at, as Go has it.
  std::string text;     // Of a text or constant, as written; the name of a function or template.
  Json literal;         // Of a constant.
  std::vector<std::string> names;
  std::vector<std::string> variables;  // That a pipeline gives its value to; two, of a range.
  bool assigns = false;                // By "=", not ":=".
  std::vector<TemplateNode> parts;
  std::vector<TemplateNode> body;
  std::vector<TemplateNode> otherwise;

  // As Go writes it in messages: "{{printf \"%s\" .a | len}}". What blocks hold is left out.
  std::string Shown() const;
};

struct TemplateNodes {
  std::string text;
  // By "define" and "block", and "output", which is the whole.
  std::map<std::string, std::vector<TemplateNode>> templates;

  // "output:1:10", of a position.
  std::string PlaceOf(size_t position) const;
};

inline constexpr char kTemplateName[] = "output";

// Fails with Go's text, "template: output:1: ...".
Result<TemplateNodes> ParseGoTemplate(std::string_view text);

// The bytes that a constant in quotes stands for; none: it is no good. `quoted` has its quotes.
std::optional<std::string> UnquotedTemplateText(std::string_view quoted);
// The value of a number, or a character in quotes; its type is int or float64. Fails with Go's
// text.
Result<Json> TemplateNumber(const std::string& text, bool is_character);

// A value, as Go's reflection sees it.
struct TemplateValue {
  std::shared_ptr<const Json> json;  // Null: there is none, as of a key that is missing.
  // Taken out of a map or a list, so that its type is "interface {}" until it is looked into. A
  // JSON null always is.
  bool in_interface = false;
  const char* number_type = nullptr;  // In place of "int64", of a number that is no document's.

  static TemplateValue Of(Json value) {
    return {std::make_shared<const Json>(std::move(value)), false, nullptr};
  }
  static TemplateValue OfInt(int64_t value) {
    return {std::make_shared<const Json>(value), false, "int"};
  }
  static TemplateValue Nil() { return {std::make_shared<const Json>(), true, nullptr}; }
  bool is_valid() const { return json != nullptr; }
  bool is_nil() const { return json && json->is_null(); }
  // "interface {}", or what it is: "string".
  std::string TypeName() const { return in_interface ? "interface {}" : InnerTypeName(); }
  std::string InnerTypeName() const;
  // Without the interface around it; none of a null.
  TemplateValue Inner() const;
  // A member or an item; it shares the whole.
  TemplateValue Part(const Json& part) const { return {{json, &part}, true, nullptr}; }
  bool IsTrue() const;
  // As it prints: "<no value>" of none.
  std::string Text() const;
};

// What a function wants.
struct TemplateFunction {
  int arguments_min = 0;
  int arguments_max = -1;     // -1: as many as there are.
  int texts = 0;              // So many of the first must be strings.
  bool takes_values = false;  // Rather than interfaces: missing ones stay missing.
};
// Null: there is none of that name.
const TemplateFunction* FindTemplateFunction(std::string_view name);
// Calls it, other than "and" and "or", with what CheckCount and Argument let through. `first`: how
// the first argument is written. Fails with Go's text, less "error calling ...: ".
Result<TemplateValue> CallTemplateFunction(const std::string& name,
                                           const std::vector<TemplateValue>& arguments,
                                           const std::string& first);

}  // namespace skiff::cli
