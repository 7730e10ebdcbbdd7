// Grammar of a field selector's text: terms separated by unescaped commas, "field=value",
// "field==value" or "field!=value"; in values, "\" escapes ",", "=" and itself.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "api/codec/document.h"
#include "api/codec/struct_fields.h"
#include "api/codec/typed.h"
#include "api/kinds/behaviour.h"
#include "api/select/selector.h"
#include "api/text/go_text.h"

namespace skiff {
namespace {

constexpr std::string_view kName = "metadata.name";
constexpr std::string_view kNamespace = "metadata.namespace";

tl::unexpected<Error> Bad(std::string message) {
  return Fail(Reason::kBadRequest, std::move(message));
}

std::vector<std::string_view> SplitTerms(std::string_view text) {
  std::vector<std::string_view> terms;
  size_t start = 0;
  bool escaped = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (escaped) {
      escaped = false;
    } else if (text[i] == '\\') {
      escaped = true;
    } else if (text[i] == ',') {
      terms.push_back(text.substr(start, i - start));
      start = i + 1;
    }
  }
  terms.push_back(text.substr(start));
  return terms;
}

Result<std::string> Unescape(std::string_view value) {
  std::string out;
  for (size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '=' || value[i] == ',') {
      return Bad(fmt::format("invalid field selector: unescaped character in value: {}",
                             static_cast<int>(value[i])));
    }
    if (value[i] == '\\') {
      ++i;
      if (i == value.size() || std::string_view("\\,=").find(value[i]) == std::string_view::npos) {
        return Bad(fmt::format("invalid field selector: invalid escape sequence: {}",
                               value.substr(i - 1, 2)));
      }
    }
    out += value[i];
  }
  return out;
}

std::string Escape(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\\' || c == ',' || c == '=') out += '\\';
    out += c;
  }
  return out;
}

// A scalar as Go's fmt prints it.
std::string Text(const Json* value) {
  if (value == nullptr || value->is_null()) return "";
  return value->is_string() ? value->get<std::string>() : value->dump();
}

std::string FirstPodIp(const Json& ips) {
  if (!ips.is_array() || ips.empty()) return "";
  return Text(FindPath(ips.front(), "ip"));
}

// The value at a dotted path of a struct; null where there is none.
Json ValueAt(const Type& type, const void* object, std::string_view path) {
  const size_t dot = path.find('.');
  const Field* field = type.Find(path.substr(0, dot));
  if (field == nullptr) return nullptr;
  const ShownField shown = Show(*field, object);
  if (shown.is_left_out || shown.value == nullptr) return nullptr;
  if (dot == path.npos) return ValueToJson(*field->type, shown.value);
  if (field->type->shape != Shape::kStruct) return nullptr;
  return ValueAt(*field->type, shown.value, path.substr(dot + 1));
}

}  // namespace

bool FieldRule::Takes(std::string_view value) const {
  if (impossible || (wanted && *wanted != value)) return false;
  return !std::binary_search(unwanted.begin(), unwanted.end(), value);
}

FieldSelector::FieldSelector(std::vector<FieldTerm> terms) : terms_(std::move(terms)) {
  std::map<std::string_view, FieldRule> rules;
  for (const FieldTerm& term : terms_) {
    FieldRule& rule = rules[term.field];
    rule.field = term.field;
    if (term.equal) {
      rule.impossible = rule.impossible || (rule.wanted && *rule.wanted != term.value);
      rule.wanted = term.value;
    } else {
      rule.unwanted.push_back(term.value);
    }
  }
  for (auto& [field, rule] : rules) {
    std::sort(rule.unwanted.begin(), rule.unwanted.end());
    rules_.push_back(std::move(rule));
  }
}

Result<FieldSelector> FieldSelector::Parse(std::string_view text) {
  auto terms = SplitTerms(text);
  std::sort(terms.begin(), terms.end());
  std::vector<FieldTerm> out;
  for (const std::string_view term : terms) {
    if (term.empty()) continue;
    const size_t at = std::min(term.find("!="), term.find('='));
    if (at == std::string_view::npos) {
      return Bad(fmt::format("invalid selector: '{}'; can't understand '{}'", text, term));
    }
    const bool equal = term[at] == '=';
    const size_t length = equal && !term.substr(at).starts_with("==") ? 1 : 2;
    auto value = TRY(Unescape(term.substr(at + length)));
    out.push_back({std::string(term.substr(0, at)), std::move(value), equal});
  }
  return FieldSelector(std::move(out));
}

Result<FieldSelector> FieldSelector::For(const KindInfo& kind) const {
  const SelectableFields& selectable = kind.behaviour->selectable;
  std::vector<FieldTerm> out = terms_;
  for (FieldTerm& term : out) {
    if (term.field == kName) continue;
    if (term.field == kNamespace && selectable.by_namespace) continue;
    const auto found = std::ranges::find(selectable.fields, term.field, &SelectableField::field);
    if (found == selectable.fields.end()) return Bad(selectable.refusal(term.field));
    term.field = found->name();
  }
  return FieldSelector(std::move(out));
}

std::optional<std::string_view> FieldSelector::Exact(std::string_view field) const {
  for (const FieldTerm& term : terms_) {
    if (term.equal && term.field == field) return term.value;
  }
  return std::nullopt;
}

std::string FieldSelector::Text() const {
  std::string out;
  for (const FieldTerm& term : terms_) {
    if (!out.empty()) out += ',';
    out += term.field + (term.equal ? "=" : "!=") + Escape(term.value);
  }
  return out;
}

std::string UnsupportedField(std::string_view field) {
  return fmt::format("field label not supported: {}", field);
}

std::string UnknownField(std::string_view field) {
  return fmt::format(
      "{} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
      GoQuote(field));
}

namespace {

// `at(path)` is the value at a path of the object; null where there is none.
template <typename At>
std::string SelectableValueOf(const SelectableField& field, const At& at) {
  const auto text = [&](std::string_view path) {
    const Json value = at(path);
    return Text(&value);
  };
  const std::string_view path = field.path.empty() ? field.name() : field.path;
  const auto text_or = [&](const char* absent) {
    std::string found = text(path);
    return found.empty() ? absent : found;
  };
  switch (field.as) {
    case SelectableAs::kText:
      return text(path);
    case SelectableAs::kBool:
      return text_or("false");
    case SelectableAs::kNumber:
      return text_or("0");
    case SelectableAs::kFirstPodIp:
      return FirstPodIp(at("status.podIPs"));
    case SelectableAs::kEmpty:
      return "";
    case SelectableAs::kEventSource: {
      const std::string component = text("source.component");
      return component.empty() ? text("reportingComponent") : component;
    }
  }
  return "";
}

}  // namespace

std::string SelectableValue(const SelectableField& field, const Json& object) {
  return SelectableValueOf(field, [&](std::string_view path) {
    const Json* found = FindPath(object, path);
    return found == nullptr ? Json() : *found;
  });
}

std::string SelectableValue(const SelectableField& field, const Type& type, const void* object) {
  return SelectableValueOf(field,
                           [&](std::string_view path) { return ValueAt(type, object, path); });
}

}  // namespace skiff
