// Grammar of a field selector's text: terms separated by unescaped commas, "field=value",
// "field==value" or "field!=value"; in values, "\" escapes ",", "=" and itself.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "api/codec/document.h"
#include "api/codec/struct_fields.h"
#include "api/codec/typed.h"
#include "api/select/selector.h"
#include "api/text/go_text.h"

namespace skiff {
namespace {

// How the compared value comes out of the stored object.
enum class Value : uint8_t {
  kText,         // The string at the path; "" when absent.
  kBool,         // "true" or "false".
  kNumber,       // Decimal; "0" when absent.
  kFirstPodIp,   // status.podIPs[0].ip
  kEmpty,        // Always "".
  kEventSource,  // source.component, or reportingComponent when that is empty.
};

struct SelectableField {
  std::string_view field;        // As clients write it.
  std::string_view stored = "";  // What FieldSelector::For calls it; "": the same.
  Value value = Value::kText;
  std::string_view path = "";  // In the stored object; "": `stored`.
};

struct SelectableKind {
  std::string_view api_version;
  std::string_view kind;
  bool by_namespace;  // metadata.namespace is accepted.
  std::span<const SelectableField> fields;
  // The error for any other field.
  std::string (*refusal)(std::string_view field) = [](std::string_view field) {
    return fmt::format("field label not supported: {}", field);
  };
};

constexpr SelectableField kPodFields[] = {
    {"spec.nodeName", ""},
    {"spec.host", "spec.nodeName"},
    {"spec.restartPolicy", ""},
    {"spec.schedulerName", ""},
    {"spec.serviceAccountName", ""},
    {"spec.hostNetwork", "", Value::kBool},
    {"status.phase", ""},
    {"status.podIP", "", Value::kFirstPodIp},
    {"status.podIPs", "", Value::kEmpty},
    {"status.nominatedNodeName", ""},
};
constexpr SelectableField kEventFields[] = {
    {"involvedObject.kind", ""},
    {"involvedObject.namespace", ""},
    {"involvedObject.name", ""},
    {"involvedObject.uid", ""},
    {"involvedObject.apiVersion", ""},
    {"involvedObject.resourceVersion", ""},
    {"involvedObject.fieldPath", ""},
    {"reason", ""},
    {"reportingComponent", ""},
    {"source", "", Value::kEventSource},
    {"type", ""},
};
constexpr SelectableField kNewEventFields[] = {
    {"regarding.kind", "involvedObject.kind"},
    {"regarding.namespace", "involvedObject.namespace"},
    {"regarding.name", "involvedObject.name"},
    {"regarding.uid", "involvedObject.uid"},
    {"regarding.apiVersion", "involvedObject.apiVersion"},
    {"regarding.resourceVersion", "involvedObject.resourceVersion"},
    {"regarding.fieldPath", "involvedObject.fieldPath"},
    {"reason", ""},
    {"reportingController", "reportingComponent"},
    {"type", ""},
};
constexpr SelectableField kNamespaceFields[] = {{"status.phase", ""}};
constexpr SelectableField kNodeFields[] = {{"spec.unschedulable", "", Value::kBool}};
constexpr SelectableField kSecretFields[] = {{"type", ""}};
constexpr SelectableField kServiceFields[] = {{"spec.clusterIP", ""}, {"spec.type", ""}};
constexpr SelectableField kReplicationFields[] = {{"status.replicas", "", Value::kNumber}};
constexpr SelectableField kJobFields[] = {
    {"status.successful", "", Value::kNumber, "status.succeeded"}};
constexpr SelectableField kSigningFields[] = {{"spec.signerName", ""}};
constexpr SelectableField kSliceFields[] = {{"spec.nodeName", ""}, {"spec.driver", ""}};

constexpr SelectableKind kKinds[] = {
    {"v1", "Pod", true, kPodFields},
    {"v1", "Event", true, kEventFields},
    {"v1", "Namespace", false, kNamespaceFields},
    {"v1", "Node", false, kNodeFields},
    {"v1", "Secret", true, kSecretFields},
    {"v1", "Service", true, kServiceFields},
    {"v1", "ReplicationController", true, kReplicationFields},
    {"events.k8s.io/v1", "Event", true, kNewEventFields},
    {"batch/v1", "Job", true, kJobFields,
     [](std::string_view field) {
       return fmt::format("field label {} not supported for Job", GoQuote(field));
     }},
    {"certificates.k8s.io/v1", "CertificateSigningRequest", false, kSigningFields},
    {"resource.k8s.io/v1", "ResourceSlice", false, kSliceFields,
     [](std::string_view field) {
       return fmt::format(
           "field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: {}", field);
     }},
};

constexpr std::string_view kName = "metadata.name";
constexpr std::string_view kNamespace = "metadata.namespace";

const SelectableKind* FindKind(const KindInfo& kind) {
  for (const SelectableKind& row : kKinds) {
    if (row.kind == kind.kind && row.api_version == kind.api_version) return &row;
  }
  return nullptr;
}

// Kinds of a CustomResourceDefinition have no generated struct.
bool IsCustom(const KindInfo& kind) {
  return kind.type == nullptr || kind.type->ops == nullptr;
}

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

std::string_view StoredName(const SelectableField& field) {
  return field.stored.empty() ? field.field : field.stored;
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
  const SelectableKind* row = FindKind(kind);
  const bool custom = IsCustom(kind);
  std::vector<FieldTerm> out = terms_;
  for (FieldTerm& term : out) {
    if (term.field == kName) continue;
    const bool by_namespace = row != nullptr ? row->by_namespace : !custom || kind.namespaced;
    if (term.field == kNamespace && by_namespace) continue;
    if (custom) {
      const auto& fields = kind.selectable_fields;
      if (std::find(fields.begin(), fields.end(), term.field) != fields.end()) continue;
      return Bad("field label not supported: " + term.field);
    }
    if (row == nullptr) {
      return Bad(
          fmt::format("{} is not a known field selector: only \"metadata.name\", "
                      "\"metadata.namespace\"",
                      GoQuote(term.field)));
    }
    const auto it = std::find_if(row->fields.begin(), row->fields.end(),
                                 [&](const auto& field) { return field.field == term.field; });
    if (it == row->fields.end()) return Bad(row->refusal(term.field));
    term.field = StoredName(*it);
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

std::vector<std::string_view> SelectableFields(const KindInfo& kind) {
  std::vector<std::string_view> out;
  if (const SelectableKind* row = FindKind(kind)) {
    for (const SelectableField& field : row->fields) {
      const std::string_view name = StoredName(field);
      if (std::find(out.begin(), out.end(), name) == out.end()) out.push_back(name);
    }
  } else if (IsCustom(kind)) {
    for (const std::string_view field : kind.selectable_fields) {
      if (field != kName && field != kNamespace) out.push_back(field);
    }
  }
  return out;
}

namespace {

// `at(path)` is the value at a path of the object; null where there is none.
template <typename At>
std::string SelectableValueOf(const KindInfo& kind, std::string_view field, const At& at) {
  const auto text = [&](std::string_view path) {
    const Json value = at(path);
    return Text(&value);
  };
  if (field == kName || field == kNamespace) return text(field);
  Value value = Value::kText;
  std::string_view path = field;
  if (const SelectableKind* row = FindKind(kind)) {
    for (const SelectableField& entry : row->fields) {
      if (StoredName(entry) != field) continue;
      value = entry.value;
      if (!entry.path.empty()) path = entry.path;
      break;
    }
  }
  const auto text_or = [&](const char* absent) {
    std::string found = text(path);
    return found.empty() ? absent : found;
  };
  switch (value) {
    case Value::kText:
      return text(path);
    case Value::kBool:
      return text_or("false");
    case Value::kNumber:
      return text_or("0");
    case Value::kFirstPodIp:
      return FirstPodIp(at("status.podIPs"));
    case Value::kEmpty:
      return "";
    case Value::kEventSource: {
      const std::string component = text("source.component");
      return component.empty() ? text("reportingComponent") : component;
    }
  }
  return "";
}

}  // namespace

std::string SelectableValue(const KindInfo& kind, const Json& object, std::string_view field) {
  return SelectableValueOf(kind, field, [&](std::string_view path) {
    const Json* found = FindPath(object, path);
    return found == nullptr ? Json() : *found;
  });
}

std::string SelectableValue(const KindInfo& kind, const void* object, std::string_view field) {
  return SelectableValueOf(
      kind, field, [&](std::string_view path) { return ValueAt(*kind.type, object, path); });
}

}  // namespace skiff
