#include "cli/kustomize/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "api/text/yaml.h"
#include "cli/errors.h"
#include "cli/json_text.h"

namespace skiff::cli::kustomize {
namespace {

// Kustomize looks at specs in this order; it matters where two of them lead to one field.
int RankOf(const std::string& kind) {
  int rank = -static_cast<int>(std::size(kKindsFirst));
  for (const std::string_view each : kKindsFirst) {
    if (kind == each) return rank;
    ++rank;
  }
  return kind == "MutatingWebhookConfiguration"     ? 1
         : kind == "ValidatingWebhookConfiguration" ? 2
                                                    : 0;
}

std::string SortText(const Gvk& gvk) {
  const auto or_else = [](const std::string& text, const char* otherwise) {
    return text.empty() ? std::string(otherwise) : text;
  };
  return or_else(gvk.group, "~G") + "_" + or_else(gvk.version, "~V") + "_" +
         or_else(gvk.kind, "~K");
}

bool Before(const Gvk& a, const Gvk& b) {
  const int rank_a = RankOf(a.kind);
  const int rank_b = RankOf(b.kind);
  return rank_a != rank_b ? rank_a < rank_b : SortText(a) < SortText(b);
}

void Sort(FieldSpecs& specs) {
  std::stable_sort(specs.begin(), specs.end(),
                   [](const FieldSpec& a, const FieldSpec& b) { return Before(a.gvk, b.gvk); });
}

Result<> MergeReferences(std::vector<NameReferences>& into, const NameReferences& from) {
  for (NameReferences& each : into) {
    if (each.target == from.target) return MergeSpecs(each.referrers, from.referrers);
  }
  into.push_back(from);
  return {};
}

using Table = FieldSpecs FieldTables::*;
constexpr Table kTables[] = {
    &FieldTables::name_prefix,        &FieldTables::name_suffix,   &FieldTables::namespaces,
    &FieldTables::common_annotations, &FieldTables::common_labels, &FieldTables::labels,
    &FieldTables::template_labels,    &FieldTables::variables,     &FieldTables::images,
    &FieldTables::replicas};

Gvk GvkIn(const Json& value) {
  return {TextAt(value, "group"), TextAt(value, "version"), TextAt(value, "kind")};
}

FieldSpecs SpecsIn(const Json& list) {
  FieldSpecs specs;
  if (!list.is_array()) return specs;
  for (const Json& each : list) {
    specs.push_back({GvkIn(each), TextAt(each, "path"), IsTrue(At(each, "create"))});
  }
  return specs;
}

Result<> Change(Json& node, std::span<const std::string> path, bool create, Make make,
                const SetField& set) {
  if (path.empty()) return set(node);
  if (node.is_null()) return {};
  if (node.is_array()) {
    for (Json& item : node) TRY(Change(item, path, create, make, set));
    return {};
  }
  if (!node.is_object()) return CliError("expected sequence or mapping node");
  std::string_view name = path[0];
  const bool many = name.ends_with("[]");
  if (many) name.remove_suffix(2);
  if (name.empty()) return CliError("cannot set or create an empty field name");
  auto found = node.find(name);
  if (found == node.end() || (found->is_null() && path.size() > 1)) {
    if (!create || many || make == Make::kNothing) return {};
    const bool scalar = path.size() == 1 && make == Make::kScalar;
    node[std::string(name)] = scalar ? Json() : Json::object();
    found = node.find(name);
  } else if (found->is_null() && create && make == Make::kMap) {
    *found = Json::object();
  }
  return Change(*found, path.subspan(1), create, make, set);
}

// A property of a definition, which may say more of what is in it by reference.
class CrdWalk {
 public:
  CrdWalk(const Json& definitions, std::string kind, FieldTables& out)
      : definitions_(definitions), gvk_{"", "", std::move(kind)}, out_(out) {}

  Result<> Definition(const std::string& name, const std::string& path, int depth) {
    if (depth > kDepthMax) {
      return CliError(fmt::format("definitions refer to each other deeper than {}", kDepthMax));
    }
    const Json& properties = At(definitions_, name, "Schema", "properties");
    if (!properties.is_object()) return {};
    for (const auto& [key, property] : properties.items()) {
      TRY(Property(property, path.empty() ? key : path + "/" + key));
      const std::string reference = TextAt(property, "$ref");
      if (!reference.empty()) {
        TRY(Definition(reference, path.empty() ? key : path + "/" + key, depth + 1));
      }
    }
    return {};
  }

 private:
  static constexpr int kDepthMax = 20;

  Result<> Property(const Json& property, const std::string& path) {
    if (++visited_ > kPropertiesMax) {
      return CliError(fmt::format("the definitions come to more than {} fields", kPropertiesMax));
    }
    const FieldSpec spec{gvk_, path};
    if (property.contains("x-kubernetes-annotation")) {
      TRY(MergeSpecs(out_.common_annotations, {spec}));
    }
    if (property.contains("x-kubernetes-label-selector")) {
      TRY(MergeSpecs(out_.common_labels, {spec}));
    }
    if (property.contains("x-kubernetes-identity")) TRY(MergeSpecs(out_.name_prefix, {spec}));
    const std::string kind = TextAt(property, "x-kubernetes-object-ref-kind");
    const Json& version = At(property, "x-kubernetes-object-ref-api-version");
    if (kind.empty() || !version.is_string()) return {};
    std::string key = TextAt(property, "x-kubernetes-object-ref-name-key");
    if (key.empty()) key = "name";
    return MergeReferences(out_.references,
                           {{"", TextOf(version), kind}, {{gvk_, path + "/" + key}}});
  }

  static constexpr int kPropertiesMax = 100'000;
  const Json& definitions_;
  const Gvk gvk_;
  FieldTables& out_;
  int visited_ = 0;
};

}  // namespace

Result<> MergeSpecs(FieldSpecs& into, const FieldSpecs& from) {
  for (const FieldSpec& each : from) {
    const auto same = std::find_if(into.begin(), into.end(), [&](const FieldSpec& present) {
      return present.path == each.path && present.gvk.IsMeantBy(each.gvk);
    });
    if (same == into.end()) {
      into.push_back(each);
    } else if (same->create != each.create) {
      return CliError("conflicting fieldspecs");
    }
  }
  return {};
}

bool FieldTables::empty() const {
  return references.empty() &&
         std::all_of(std::begin(kTables), std::end(kTables),
                     [this](const Table table) { return (this->*table).empty(); });
}

Result<> FieldTables::Merge(const FieldTables& from) {
  for (const Table table : kTables) {
    TRY(MergeSpecs(this->*table, from.*table));
    Sort(this->*table);
  }
  for (const NameReferences& each : from.references) TRY(MergeReferences(references, each));
  std::stable_sort(references.begin(), references.end(),
                   [](const NameReferences& a, const NameReferences& b) {
                     return Before(a.target, b.target);
                   });
  return {};
}

Result<FieldTables> DefaultFieldTablesWith(const FieldTables& more) {
  static const auto* const sorted = [] {
    auto* tables = new FieldTables;
    CHECK(tables->Merge(DefaultFieldTables()).has_value());
    return tables;
  }();
  FieldTables tables = *sorted;
  if (!more.empty()) TRY(tables.Merge(more));
  return tables;
}

Result<FieldTables> ReadFieldTables(std::string_view text) {
  const YamlDocument document = TRY(ParseYaml(text));
  const Json& value = document.value;
  FieldTables tables;
  tables.name_prefix = SpecsIn(At(value, "namePrefix"));
  tables.name_suffix = SpecsIn(At(value, "nameSuffix"));
  tables.namespaces = SpecsIn(At(value, "namespace"));
  tables.common_labels = SpecsIn(At(value, "commonLabels"));
  tables.labels = SpecsIn(At(value, "labels"));
  tables.template_labels = SpecsIn(At(value, "templateLabels"));
  tables.common_annotations = SpecsIn(At(value, "commonAnnotations"));
  tables.variables = SpecsIn(At(value, "varReference"));
  tables.images = SpecsIn(At(value, "images"));
  tables.replicas = SpecsIn(At(value, "replicas"));
  const Json& references = At(value, "nameReference");
  if (references.is_array()) {
    for (const Json& each : references) {
      TRY(MergeReferences(tables.references, {GvkIn(each), SpecsIn(At(each, "fieldSpecs"))}));
    }
  }
  return tables;
}

Result<FieldTables> ReadCrdFields(std::string_view text) {
  const YamlDocument document = TRY(ParseYaml(text));
  FieldTables tables;
  if (!document.value.is_object()) return tables;
  for (const auto& [name, definition] : document.value.items()) {
    const Json& properties = At(definition, "Schema", "properties");
    if (!properties.contains("kind") || !properties.contains("apiVersion") ||
        !properties.contains("metadata")) {
      continue;
    }
    const size_t dot = name.rfind('.');
    CrdWalk walk(document.value, dot == std::string::npos ? name : name.substr(dot + 1), tables);
    TRY(walk.Definition(name, "", 0));
  }
  return tables;
}

std::vector<std::string> SplitPath(std::string_view path, char separator) {
  std::vector<std::string> parts = Split(path, separator);
  if (parts.size() > 1 && parts[0].empty()) parts.erase(parts.begin());
  std::vector<std::string> whole;
  for (std::string& part : parts) {
    if (!whole.empty() && whole.back().ends_with('\\')) {
      whole.back().back() = separator;
      whole.back() += part;
    } else {
      whole.push_back(std::move(part));
    }
  }
  return whole;
}

Result<> ChangeField(Json& object, const FieldSpec& spec, Make make, const SetField& set) {
  if (!GvkOf(object).IsMeantBy(spec.gvk)) return {};
  const std::vector<std::string> path = SplitPath(spec.path, '/');
  const auto changed = Change(object, path, spec.create, make, set);
  if (changed) return changed;
  const ResourceId id{GvkOf(object), NameOf(object), NamespaceOf(object)};
  return CliError(fmt::format("considering field '{}' of object {}: {}", spec.path, id.Text(),
                              changed.error().message));
}

tl::unexpected<Error> WrongForm(const char* expected, const Json& value) {
  const char* form = value.is_object()  ? "MappingNode"
                     : value.is_array() ? "SequenceNode"
                                        : "ScalarNode";
  return CliError(fmt::format("wrong node kind: expected {} but got {}: node contents:\n{}",
                              expected, form, DumpYaml(value)));
}

}  // namespace skiff::cli::kustomize
