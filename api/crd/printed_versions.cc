#include "api/crd/printed_versions.h"

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "api/text/go_text.h"
#include "api/values.h"

namespace skiff::crd {
namespace {

using apiextensions_v1::CustomResourceDefinitionVersion;

// What a field of a schema holds, which says how it is printed and what stands there for nothing.
enum class Held : uint8_t {
  kText,
  kWord,
  kValue,      // Or null: a number, a text that may be missing, a list of such, any JSON.
  kSchema,     // Or null, like all that follow.
  kSchemas,    // A list.
  kNamed,      // By their names.
  kItems,      // One or a list.
  kAllowed,    // One, or whether there may be more.
  kDepending,  // Each one, or names of properties.
  kDocs,
  kRules,
};

struct SchemaField {
  std::string_view printed;
  const char* name;
  Held held;
};

constexpr SchemaField kSchemaFields[] = {
    {"ID", "id", Held::kText},
    {"Schema", "$schema", Held::kText},
    {"Ref", "$ref", Held::kValue},
    {"Description", "description", Held::kText},
    {"Type", "type", Held::kText},
    {"Nullable", "nullable", Held::kWord},
    {"Format", "format", Held::kText},
    {"Title", "title", Held::kText},
    {"Default", "default", Held::kValue},
    {"Maximum", "maximum", Held::kValue},
    {"ExclusiveMaximum", "exclusiveMaximum", Held::kWord},
    {"Minimum", "minimum", Held::kValue},
    {"ExclusiveMinimum", "exclusiveMinimum", Held::kWord},
    {"MaxLength", "maxLength", Held::kValue},
    {"MinLength", "minLength", Held::kValue},
    {"Pattern", "pattern", Held::kText},
    {"MaxItems", "maxItems", Held::kValue},
    {"MinItems", "minItems", Held::kValue},
    {"UniqueItems", "uniqueItems", Held::kWord},
    {"MultipleOf", "multipleOf", Held::kValue},
    {"Enum", "enum", Held::kValue},
    {"MaxProperties", "maxProperties", Held::kValue},
    {"MinProperties", "minProperties", Held::kValue},
    {"Required", "required", Held::kValue},
    {"Items", "items", Held::kItems},
    {"AllOf", "allOf", Held::kSchemas},
    {"OneOf", "oneOf", Held::kSchemas},
    {"AnyOf", "anyOf", Held::kSchemas},
    {"Not", "not", Held::kSchema},
    {"Properties", "properties", Held::kNamed},
    {"AdditionalProperties", "additionalProperties", Held::kAllowed},
    {"PatternProperties", "patternProperties", Held::kNamed},
    {"Dependencies", "dependencies", Held::kDepending},
    {"AdditionalItems", "additionalItems", Held::kAllowed},
    {"Definitions", "definitions", Held::kNamed},
    {"ExternalDocs", "externalDocs", Held::kDocs},
    {"Example", "example", Held::kValue},
    {"XPreserveUnknownFields", "x-kubernetes-preserve-unknown-fields", Held::kValue},
    {"XEmbeddedResource", "x-kubernetes-embedded-resource", Held::kWord},
    {"XIntOrString", "x-kubernetes-int-or-string", Held::kWord},
    {"XListMapKeys", "x-kubernetes-list-map-keys", Held::kValue},
    {"XListType", "x-kubernetes-list-type", Held::kValue},
    {"XMapType", "x-kubernetes-map-type", Held::kValue},
    {"XValidations", "x-kubernetes-validations", Held::kRules},
};

std::string TextOr(const Json& object, const char* name, const char* missing) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found == object.end() || found->is_null() ? missing : GoJson(*found);
}

// Stops where what it prints becomes too long.
class SchemaPrinter {
 public:
  explicit SchemaPrinter(std::string& out) : out_(out) {}
  bool is_full() const { return out_.size() > kPrintedBytesMax; }

  void Print(const Json& schema) {
    if (!schema.is_object() || is_full()) {
      out_ += "null";
      return;
    }
    // Nothing is copied: schemas stand in one another, each until all that is in it is printed.
    static const Json kMissing;
    char before = '{';
    for (const SchemaField& field : kSchemaFields) {
      out_ += before;
      out_.append("\"").append(field.printed).append("\":");
      const auto found = schema.find(field.name);
      PrintField(field.held, found == schema.end() ? kMissing : *found);
      before = ',';
    }
    out_ += '}';
  }

 private:
  void PrintField(Held held, const Json& value) {
    if (value.is_null()) {
      out_ += held == Held::kText ? "\"\"" : held == Held::kWord ? "false" : "null";
    } else if (held == Held::kText || held == Held::kWord || held == Held::kValue) {
      out_ += GoJson(value);
    } else if (held == Held::kSchema) {
      Print(value);
    } else if (held == Held::kSchemas) {
      PrintAll(value);
    } else if (held == Held::kNamed) {
      PrintNamed(value, [&](const Json& each) { Print(each); });
    } else if (held == Held::kItems) {
      PrintEither(value, "JSONSchemas", [&] { PrintAll(value); });
    } else if (held == Held::kAllowed) {
      PrintAllowed(value);
    } else if (held == Held::kDepending) {
      PrintNamed(value, [&](const Json& each) {
        PrintEither(each, "Property", [&] { out_ += GoJson(each); });
      });
    } else if (held == Held::kDocs) {
      out_ += "{\"Description\":" + TextOr(value, "description", "\"\"") +
              ",\"URL\":" + TextOr(value, "url", "\"\"") + "}";
    } else {
      PrintRules(value);
    }
  }

  void PrintAll(const Json& schemas) {
    out_ += '[';
    for (size_t i = 0; i < schemas.size(); ++i) {
      if (i > 0) out_ += ',';
      Print(schemas[i]);
    }
    out_ += ']';
  }

  template <typename PrintEach>
  void PrintNamed(const Json& named, const PrintEach& print) {
    char before = '{';
    for (const auto& [name, value] : named.items()) {
      out_ += before;
      out_ += GoJson(name) + ":";
      print(value);
      before = ',';
    }
    out_ += named.empty() ? "{}" : "}";
  }

  // A list is something else than a schema.
  template <typename PrintList>
  void PrintEither(const Json& value, std::string_view list, const PrintList& print_list) {
    out_ += "{\"Schema\":";
    Print(value);
    out_.append(",\"").append(list).append("\":");
    if (value.is_array()) {
      print_list();
    } else {
      out_ += "null";
    }
    out_ += '}';
  }

  void PrintAllowed(const Json& value) {
    out_ += value == Json(false) ? "{\"Allows\":false,\"Schema\":" : "{\"Allows\":true,\"Schema\":";
    Print(value);
    out_ += '}';
  }

  void PrintRules(const Json& rules) {
    out_ += '[';
    for (size_t i = 0; i < rules.size(); ++i) {
      const Json& rule = rules[i];
      out_ += (i > 0 ? ",{\"Rule\":" : "{\"Rule\":") + TextOr(rule, "rule", "\"\"") +
              ",\"Message\":" + TextOr(rule, "message", "\"\"") +
              ",\"MessageExpression\":" + TextOr(rule, "messageExpression", "\"\"") +
              ",\"Reason\":" + TextOr(rule, "reason", "null") +
              ",\"FieldPath\":" + TextOr(rule, "fieldPath", "\"\"") +
              ",\"OptionalOldSelf\":" + TextOr(rule, "optionalOldSelf", "null") + "}";
    }
    out_ += ']';
  }

  std::string& out_;
};

std::string PrintedSubresources(const CustomResourceDefinitionVersion& version) {
  if (!version.subresources) return "null";
  std::string text =
      version.subresources->status ? "{\"Status\":{},\"Scale\":" : "{\"Status\":null,\"Scale\":";
  const auto& scale = version.subresources->scale;
  if (!scale) return text + "null}";
  const auto& selector = scale->label_selector_path;
  return text + "{\"SpecReplicasPath\":" + GoJson(scale->spec_replicas_path) +
         ",\"StatusReplicasPath\":" + GoJson(scale->status_replicas_path) +
         ",\"LabelSelectorPath\":" + (selector ? GoJson(*selector) : "null") + "}}";
}

std::string PrintedColumns(const CustomResourceDefinitionVersion& version) {
  if (version.additional_printer_columns.empty()) return "null";
  std::string text;
  for (const auto& column : version.additional_printer_columns) {
    text += (text.empty() ? "[" : ",") +
            fmt::format(R"({{"Name":{},"Type":{},"Format":{},"Description":{},"Priority":{},)"
                        R"("JSONPath":{}}})",
                        GoJson(column.name), GoJson(column.type), GoJson(column.format),
                        GoJson(column.description), column.priority, GoJson(column.json_path));
  }
  return text + "]";
}

std::string PrintedFields(const CustomResourceDefinitionVersion& version) {
  if (version.selectable_fields.empty()) return "null";
  std::string text;
  for (const auto& field : version.selectable_fields) {
    text += (text.empty() ? "[{\"JSONPath\":" : ",{\"JSONPath\":") + GoJson(field.json_path) + "}";
  }
  return text + "]";
}

// Nullopt where they are too long.
std::optional<std::string> TextOfVersions(
    const std::vector<CustomResourceDefinitionVersion>& versions, const Places& places) {
  std::string text = "[";
  const auto word = [](bool value) { return value ? "true" : "false"; };
  for (const auto& version : versions) {
    if (text.size() > 1) text += ',';
    const auto& warning = version.deprecation_warning;
    text += "{\"Name\":" + GoJson(version.name) + ",\"Served\":" + word(version.served) +
            ",\"Storage\":" + word(version.storage) +
            ",\"Deprecated\":" + word(version.deprecated) +
            ",\"DeprecationWarning\":" + (warning ? GoJson(*warning) : "null") + ",\"Schema\":";
    if (places.schema || !version.schema) {
      text += "null";
    } else {
      text += "{\"OpenAPIV3Schema\":";
      SchemaPrinter printer(text);
      const auto& schema = version.schema->open_api_v3_schema;
      printer.Print(schema ? schema->Parse() : Json());
      text += '}';
      if (printer.is_full()) return std::nullopt;
    }
    text += ",\"Subresources\":";
    text += places.subresources ? "null" : PrintedSubresources(version);
    text += ",\"AdditionalPrinterColumns\":";
    text += places.columns ? "null" : PrintedColumns(version);
    text += ",\"SelectableFields\":";
    text += places.fields ? "null" : PrintedFields(version);
    text += '}';
  }
  return text + "]";
}

}  // namespace

std::string PrintedVersions(const std::vector<CustomResourceDefinitionVersion>& versions,
                            const Places& places, bool sent_empty) {
  if (versions.empty()) return sent_empty ? "[]" : "null";
  if (const auto printed = TextOfVersions(versions, places)) return *printed;
  Places without = places;
  without.schema = true;
  return *TextOfVersions(versions, without);
}

}  // namespace skiff::crd
