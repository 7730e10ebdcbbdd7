// Objects as a build works on them: each with what it was called before, by which those that refer
// to it find it when all names are made.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/values.h"

namespace skiff::cli::kustomize {

// Kinds that others need, in the order in which kustomize has them in front of all others.
inline constexpr std::string_view kKindsFirst[] = {
    "Namespace", "ResourceQuota", "StorageClass", "CustomResourceDefinition", "ServiceAccount",
    "PodSecurityPolicy", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "ConfigMap",
    "Secret", "Endpoints", "Service", "LimitRange", "PriorityClass", "PersistentVolume",
    "PersistentVolumeClaim", "Deployment", "StatefulSet", "CronJob", "PodDisruptionBudget"};

// `text`, or where that is empty the other.
std::string OrElse(const std::string& text, const char* otherwise);

// A build makes no more objects, ...
inline constexpr size_t kResourcesMax = 10'000;
// ... none of which nests deeper.
inline constexpr int kObjectDepthMax = 400;

struct Gvk {
  std::string group = {};
  std::string version = {};
  std::string kind = {};
  bool operator==(const Gvk&) const = default;
  std::string ApiVersion() const { return group.empty() ? version : group + "/" + version; }
  // Whether `selector`, whose empty parts mean any, means this one.
  bool IsMeantBy(const Gvk& selector) const;
  std::string Text() const;  // "Deployment.v1.apps"
};
Gvk MakeGvk(const std::string& api_version, const std::string& kind);
Gvk GvkOf(const Json& object);
// Whether it is certain that objects of the kind live in no namespace.
bool IsClusterKind(const Gvk& gvk);

struct ResourceId {
  Gvk gvk = {};
  std::string name = {};
  std::string namespace_ = {};
  bool cluster_scoped = false;

  // "default" where it says none.
  std::string EffectiveNamespace() const;
  bool SameNamespace(const ResourceId& other) const {
    return EffectiveNamespace() == other.EffectiveNamespace();
  }
  bool Means(const ResourceId& other) const;
  // As for the sources and targets of replacements, whose empty parts mean any.
  bool IsMeantBy(const ResourceId& selector) const;
  std::string Text() const;       // "Deployment.v1.apps/web.[noNs]"
  std::string GoSyntax() const;   // resid.ResId{Gvk:...}, as Go's %#v has it.
};

// Where an object or a change comes from, as annotations tell it (buildMetadata).
struct Origin {
  std::string path = {};
  std::string configured_in = {};
  std::string configured_by = {};  // The built-in generator or transformer.
  std::string Text() const;        // YAML.
};

enum class Behavior : uint8_t { kUnspecified, kCreate, kReplace, kMerge };

struct Resource {
  Json object = {};
  // JSON pointers of nulls in it that are written as nothing at all ("labels:"): a merge drops
  // them, as kustomize does, and keeps those that are written. Gone with the first patch.
  std::vector<std::string> blanks = {};
  std::vector<ResourceId> past = {};  // What it was called, oldest first.
  std::vector<std::string> prefixes = {};
  std::vector<std::string> suffixes = {};
  std::vector<std::string> variables = {};  // Those that are read from it.
  Behavior behavior = Behavior::kUnspecified;
  bool is_generated = false;
  bool takes_hash = false;
  std::optional<Origin> origin = {};
  std::vector<Origin> changes = {};

  ResourceId Id() const;
  ResourceId OriginalId() const { return past.empty() ? Id() : past.front(); }
  bool IsAny(const std::function<bool(const ResourceId&)>& matches) const;
  void Remember();  // What it is called now goes to its past.
  // Kustomize keeps its notes as annotations, so that those objects have some.
  bool HasNotes() const;
};

using Resources = std::vector<std::unique_ptr<Resource>>;

// What an accumulated set of objects can be asked, in the order in which they came.
class ResourceSet {
 public:
  const Resources& all() const { return all_; }
  Resources& all() { return all_; }
  // Fails when there is one that is called so.
  Result<> Append(std::unique_ptr<Resource> resource);
  Result<> AppendAll(ResourceSet other);
  // What a generator made: added, or put over what it was told to replace or merge with.
  Result<> Absorb(std::unique_ptr<Resource> resource);
  // Those that are, or were, called so.
  std::vector<Resource*> Find(const std::function<bool(const ResourceId&)>& matches) const;
  std::vector<Resource*> FindCurrent(const ResourceId& id) const;
  Result<Resource*> FindOne(const ResourceId& id) const;

 private:
  Resources all_;
};

// The objects of a text; lists are taken apart.
Result<std::vector<Json>> ParseObjects(std::string_view text);
// The same with what is blank in them, as new resources.
Result<Resources> ParseResources(std::string_view text);

}  // namespace skiff::cli::kustomize
