#include "cli/kustomize/transform.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/text/patterns.h"
#include "cli/errors.h"
#include "cli/json_text.h"

namespace skiff::cli::kustomize {
namespace {

SetField SetText(const std::string& text) {
  return [&text](Json& field) -> Result<> {
    if (field.is_structured()) return WrongForm("ScalarNode", field);
    field = text;
    return {};
  };
}

// A binding in the namespace gives its rights to the account "default" there.
void SetDefaultSubjects(Json& object, const std::string& namespace_) {
  const auto subjects = object.find("subjects");
  if (subjects == object.end() || !subjects->is_array()) return;
  for (Json& each : *subjects) {
    if (TextAt(each, "name") == "default") each["namespace"] = namespace_;
  }
}

Result<> SetNamespace(Json& object, const std::string& namespace_, const FieldSpecs& specs) {
  const Gvk gvk = GvkOf(object);
  if (!IsClusterKind(gvk)) object["metadata"]["namespace"] = namespace_;
  const bool binding = gvk.kind == "RoleBinding" || gvk.kind == "ClusterRoleBinding";
  if (binding) SetDefaultSubjects(object, namespace_);
  for (const FieldSpec& spec : specs) {
    if (spec.path == "metadata/namespace") continue;
    if (spec.path == "metadata/name" && gvk.ApiVersion() != "v1") continue;
    if (binding && spec.path == "subjects/namespace") continue;
    const auto set = ChangeField(object, spec, Make::kScalar, SetText(namespace_));
    if (!set) return CliError("namespace transformation failed: " + set.error().message);
  }
  return {};
}

bool KeepsName(const Gvk& gvk) {
  return gvk.kind == "CustomResourceDefinition" || gvk.kind == "Namespace" ||
         (gvk.kind == "APIService" && gvk.group == "apiregistration.k8s.io");
}

struct ImageParts {
  std::string name;
  std::string tag;
  std::string digest;
};

// "registry:5000/web:1@sha256:..." -> its parts. A colon before the first slash is a port's.
ImageParts SplitImage(const std::string& image) {
  const size_t slash = image.find('/');
  const size_t from = slash == std::string::npos || slash == 0 ? 0 : slash;
  const size_t at = image.find('@', from);
  const size_t colon = image.find(':', from);
  if (at == std::string::npos && colon == std::string::npos) return {image, "", ""};
  if (at != std::string::npos && (colon == std::string::npos || at < colon)) {
    return {image.substr(0, at), "", image.substr(at + 1)};
  }
  if (at == std::string::npos) return {image.substr(0, colon), image.substr(colon + 1), ""};
  return {image.substr(0, colon), image.substr(colon + 1, at - colon - 1), image.substr(at + 1)};
}

class ImageChange {
 public:
  explicit ImageChange(const Json& image)
      : name_(TextAt(image, "newName")),
        tag_(TextAt(image, "newTag")),
        suffix_(TextAt(image, "tagSuffix")),
        digest_(TextAt(image, "digest")),
        pattern_(TakePattern("^" + TextAt(image, "name") +
                             "(:[a-zA-Z0-9_.{}-]*)?(@sha256:[a-zA-Z0-9_.{}-]*)?$")
                     .compiled) {}

  Result<> Apply(Json& field) const {
    if (field.is_structured()) return WrongForm("ScalarNode", field);
    const std::string before = PlainText(field);
    if (!pattern_->ok() || !RE2::PartialMatch(before, *pattern_)) return {};
    ImageParts parts = SplitImage(before);
    if (!name_.empty()) parts.name = name_;
    if (!tag_.empty()) {
      parts.tag = tag_;
      parts.digest = digest_;
    } else if (!digest_.empty()) {
      parts.tag.clear();
      parts.digest = digest_;
    } else if (!suffix_.empty()) {
      parts.tag += suffix_;
      parts.digest.clear();
    }
    field = parts.name + (parts.tag.empty() ? "" : ":" + parts.tag) +
            (parts.digest.empty() ? "" : "@" + parts.digest);
    return {};
  }

  // Containers wherever they are, also in kinds that nothing is known of.
  Result<> ApplyToContainers(Json& value) const {
    if (value.is_array()) {
      for (Json& each : value) TRY(ApplyToContainers(each));
    }
    if (!value.is_object()) return {};
    for (auto& [key, member] : value.items()) {
      TRY(ApplyToContainers(member));
      if ((key != "containers" && key != "initContainers") || !member.is_array()) continue;
      for (Json& container : member) {
        if (!container.is_object()) return WrongForm("MappingNode", container);
        const auto image = container.find("image");
        if (image != container.end() && !image->is_null()) TRY(Apply(*image));
      }
    }
    return {};
  }

 private:
  const std::string name_;
  const std::string tag_;
  const std::string suffix_;
  const std::string digest_;
  const std::shared_ptr<const RE2> pattern_;
};

}  // namespace

Result<> SetNamespaces(ResourceSet& resources, const std::string& namespace_,
                       const FieldSpecs& specs) {
  for (const auto& each : resources.all()) {
    each->Remember();
    TRY(SetNamespace(each->object, namespace_, specs));
    if (resources.FindCurrent(each->Id()).size() != 1) {
      return CliError("namespace transformation produces ID conflict: " + each->Id().Text());
    }
  }
  return {};
}

Result<> AddAffix(ResourceSet& resources, Affix affix, const std::string& text,
                  const FieldSpecs& specs) {
  const bool prefix = affix == Affix::kPrefix;
  for (const auto& each : resources.all()) {
    const Gvk gvk = each->OriginalId().gvk;
    if (KeepsName(gvk)) continue;
    for (const FieldSpec& spec : specs) {
      if (!gvk.IsMeantBy(spec.gvk)) continue;
      if (spec.path == "metadata/name") {
        (prefix ? each->prefixes : each->suffixes).push_back(text);
        each->Remember();
      }
      TRY(ChangeField(each->object, spec, Make::kScalar, [&](Json& field) -> Result<> {
        if (field.is_structured()) return WrongForm("ScalarNode", field);
        const std::string before = field.is_null() ? "" : PlainText(field);
        field = prefix ? text + before : before + text;
        return {};
      }));
    }
  }
  return {};
}

Result<> SetMetadata(ResourceSet& resources, const Json& pairs, const FieldSpecs& specs) {
  if (!pairs.is_object() || pairs.empty()) return {};
  for (const auto& each : resources.all()) {
    for (const FieldSpec& spec : specs) {
      TRY(ChangeField(each->object, spec, Make::kMap, [&](Json& field) -> Result<> {
        if (!field.is_object()) return WrongForm("MappingNode", field);
        field.update(pairs);
        return {};
      }));
    }
  }
  return {};
}

Result<> SetLabels(ResourceSet& resources, const Json& label, const FieldTables& tables) {
  FieldSpecs specs;
  const Json& fields = At(label, "fields");
  if (fields.is_array()) {
    for (const Json& each : fields) {
      specs.push_back({{TextAt(each, "group"), TextAt(each, "version"), TextAt(each, "kind")},
                       TextAt(each, "path"),
                       IsTrue(At(each, "create"))});
    }
  }
  const auto merge = [&](const FieldSpecs& from) -> Result<> {
    const auto merged = MergeSpecs(specs, from);
    if (!merged) return CliError("failed to merge labels: " + merged.error().message);
    return {};
  };
  TRY(merge(tables.labels));
  if (IsTrue(At(label, "includeSelectors"))) {
    TRY(merge(tables.common_labels));
  } else {
    if (IsTrue(At(label, "includeTemplates"))) TRY(merge(tables.template_labels));
    TRY(merge({{{}, "metadata/labels", /*create=*/true}}));
  }
  return SetMetadata(resources, At(label, "pairs"), specs);
}

Result<> SetReplicas(ResourceSet& resources, const Json& replica, const FieldSpecs& specs) {
  const std::string name = TextAt(replica, "name");
  const int64_t count = IntAt(replica, "count");
  bool found = false;
  for (const FieldSpec& spec : specs) {
    const auto meant = resources.Find([&](const ResourceId& id) {
      return id.name == name && id.gvk.IsMeantBy(spec.gvk);
    });
    for (Resource* each : meant) {
      found = true;
      TRY(ChangeField(each->object, spec, Make::kScalar, [&](Json& field) -> Result<> {
        if (field.is_structured()) return WrongForm("ScalarNode", field);
        field = count;
        return {};
      }));
    }
  }
  if (found) return {};
  std::vector<std::string> kinds;
  for (const FieldSpec& spec : specs) kinds.push_back(spec.gvk.Text());
  return CliError(
      fmt::format("resource with name {} does not match a config with the following GVK [{}]", name,
                  fmt::join(kinds, " ")));
}

Result<> SetImages(ResourceSet& resources, const Json& image, const FieldSpecs& specs) {
  const ImageChange change(image);
  // Both ways, one after the other: a suffix of tags is added by each, as in kustomize.
  for (const auto& each : resources.all()) {
    if (TextAt(each->object, "kind") == "CustomResourceDefinition") continue;
    TRY(change.ApplyToContainers(each->object));
  }
  for (const auto& each : resources.all()) {
    if (TextAt(each->object, "kind") == "CustomResourceDefinition") continue;
    for (const FieldSpec& spec : specs) {
      TRY(ChangeField(each->object, spec, Make::kNothing,
                      [&](Json& field) { return change.Apply(field); }));
    }
  }
  return {};
}

}  // namespace skiff::cli::kustomize
