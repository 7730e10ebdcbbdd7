#include "cli/kustomize/build.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "api/text/yaml.h"
#include "cli/errors.h"
#include "cli/json_text.h"
#include "cli/kustomize/generate.h"
#include "cli/kustomize/references.h"
#include "cli/kustomize/target.h"

namespace skiff::cli::kustomize {
namespace {

constexpr char kOriginAnnotation[] = "config.kubernetes.io/origin";
constexpr char kChangesAnnotation[] = "alpha.config.kubernetes.io/transformations";
constexpr char kLocalAnnotation[] = "config.kubernetes.io/local-config";

// Kinds that others need stand in front of them, unless the kustomization says otherwise.
struct KindOrder {
  std::vector<std::string> first = {std::begin(kKindsFirst), std::end(kKindsFirst)};
  std::vector<std::string> last = {"MutatingWebhookConfiguration",
                                   "ValidatingWebhookConfiguration"};
};

// What an object is sorted by: the rank of its kind, its kind and its name.
struct SortKey {
  int rank;
  std::string kind;
  std::string name;
  auto operator<=>(const SortKey&) const = default;
};

SortKey KeyOf(const ResourceId& id, const std::map<std::string, int>& ranks) {
  const auto rank = ranks.find(id.gvk.kind);
  return {rank == ranks.end() ? 0 : rank->second,
          OrElse(id.gvk.group, "~G") + "_" + OrElse(id.gvk.version, "~V") + "_" + id.gvk.kind,
          OrElse(id.namespace_, "~X") + "|" + OrElse(id.name, "~N")};
}

void SortByKind(Resources& resources, const KindOrder& order) {
  std::map<std::string, int> ranks;
  int rank = -static_cast<int>(order.first.size());
  for (const std::string& kind : order.first) ranks[kind] = rank++;
  rank = 1;
  for (const std::string& kind : order.last) ranks[kind] = rank++;
  std::vector<std::pair<SortKey, std::unique_ptr<Resource>>> keyed;
  for (auto& each : resources) keyed.emplace_back(KeyOf(each->Id(), ranks), std::move(each));
  std::stable_sort(keyed.begin(), keyed.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (size_t i = 0; i < keyed.size(); ++i) resources[i] = std::move(keyed[i].second);
}

Result<> ApplyOrder(Resources& resources, const Json& options) {
  KindOrder order;
  if (!options.is_null()) {
    const std::string word = TextAt(options, "order");
    const Json& legacy = At(options, "legacySortOptions");
    if (word != "fifo" && word != "legacy") {
      return CliError("the field 'sortOptions.order' must be one of [fifo, legacy]");
    }
    if (word == "fifo") {
      if (legacy.is_null()) return {};
      return CliError(
          "the field 'sortOptions.legacySortOptions' is set but the selected sort order is 'fifo', "
          "not 'legacy'");
    }
    if (!legacy.is_null()) {
      order = {TextsAt(legacy, "orderFirst"), TextsAt(legacy, "orderLast")};
    }
  }
  SortByKind(resources, order);
  return {};
}

// What only whoever reads the sources is told of.
bool IsLocal(const Resource& resource) {
  const Json& value = At(resource.object, "metadata", "annotations", kLocalAnnotation);
  return !value.is_null() && PlainText(value) != "false";
}

std::string ListOf(const std::vector<Origin>& origins) {
  std::string text;
  for (const Origin& origin : origins) {
    std::string lead = "- ";
    for (const std::string& line : Split(origin.Text(), '\n')) {
      if (!line.empty()) text += lead + line + "\n";
      lead = "  ";
    }
  }
  return text;
}

bool IsBlankAnnotation(const Resource& resource, const std::string& annotation) {
  Json::json_pointer place("/metadata/annotations");
  place /= annotation;
  const auto& blanks = resource.blanks;
  return std::find(blanks.begin(), blanks.end(), place.to_string()) != blanks.end();
}

// Annotations and labels that tell of the build, where they are asked for.
void Tell(Resource& resource, const std::vector<std::string>& asked) {
  const auto is_asked = [&](const char* word) {
    return std::find(asked.begin(), asked.end(), word) != asked.end();
  };
  Json& metadata = resource.object["metadata"];
  if (is_asked("managedByLabel")) {
    metadata["labels"]["app.kubernetes.io/managed-by"] = std::string("kustomize-") + kVersion;
  }
  if (const auto found = metadata.find("annotations"); found != metadata.end()) {
    if (found->is_object()) {
      found->erase(kOriginAnnotation);
      found->erase(kChangesAnnotation);
      // All of them are texts in the end, as is what a var put there.
      for (const auto& [key, value] : found->items()) {
        if (value.is_null()) value = IsBlankAnnotation(resource, key) ? "" : "null";
        if (!value.is_structured() && !value.is_string()) value = PlainText(value);
      }
    }
    if (found->empty()) metadata.erase(found);
  }
  if (is_asked("originAnnotations") && resource.origin) {
    metadata["annotations"][kOriginAnnotation] = resource.origin->Text();
  }
  if (is_asked("transformerAnnotations") && !resource.changes.empty()) {
    metadata["annotations"][kChangesAnnotation] = ListOf(resource.changes);
  }
}

}  // namespace

Result<std::vector<Json>> Build(const std::string& directory, const BuildOptions& options,
                                std::vector<std::string>& warnings) {
  if (IsRemote(directory)) {
    return CliError(fmt::format(
        "{} is remote, and nothing is fetched here: clone it, and name its directory", directory));
  }
  BuildState state(warnings);
  const Loader loader = TRY(Loader::At(directory, options.anywhere, state.read));
  Target target(loader, "", state);
  TRY(target.Read());
  std::vector<std::string> metadata = target.kustomization().Texts("buildMetadata");
  state.tracks_origins = !metadata.empty();
  if (options.says_managed) metadata.emplace_back("managedByLabel");
  Accumulated accumulated;
  TRY(target.Accumulate(accumulated));
  ResourceSet& resources = accumulated.resources;
  AddHashes(resources);
  const FieldTables tables = TRY(DefaultFieldTablesWith(accumulated.more_tables));
  TRY(MendReferences(resources, tables.references));
  std::vector<std::string> unused;
  TRY(ResolveVariables(resources, accumulated.variables, tables.variables, unused));
  if (!unused.empty()) {
    warnings.push_back(
        fmt::format("well-defined vars that were never replaced: {}", fmt::join(unused, ",")));
  }
  std::erase_if(resources.all(), [](const auto& each) { return IsLocal(*each); });
  const Json& order = At(target.kustomization().fields, "sortOptions");
  if (!options.keeps_order || !order.is_null()) TRY(ApplyOrder(resources.all(), order));
  std::vector<Json> objects;
  for (const auto& each : resources.all()) {
    Tell(*each, metadata);
    objects.push_back(std::move(each->object));
  }
  return objects;
}

std::string YamlOf(const std::vector<Json>& objects) {
  std::string text;
  for (const Json& object : objects) text += (text.empty() ? "" : "---\n") + DumpYaml(object);
  return text;
}

}  // namespace skiff::cli::kustomize
