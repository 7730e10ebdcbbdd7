#include "cli/kustomize/patches.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/codec/json.h"
#include "api/patch/patch.h"
#include "api/text/go_text.h"
#include "api/text/yaml.h"
#include "base/text.h"
#include "cli/errors.h"
#include "cli/json_text.h"
#include "cli/kustomize/merge.h"
#include "cli/kustomize/selector.h"

namespace skiff::cli::kustomize {
namespace {

Result<JsonPatch> ParseOperations(const std::string& text) {
  if (text.empty()) return CliError("empty json patch operations");
  if (text[0] == '[') return ParseJsonPatch(text, /*strict=*/false);
  const YamlDocument document = TRY(ParseYaml(text));
  return ParseJsonPatch(DumpJson(document.value), /*strict=*/false);
}

Result<> ApplyOperations(Resource& resource, const JsonPatch& patch) {
  Json object = resource.object;
  // Kustomize's notes are annotations, to which a patch can add.
  if (resource.HasNotes() && At(object, "metadata", "annotations").is_null()) {
    object["metadata"]["annotations"] = Json::object();
  }
  Json patched = TRY(ApplyJsonPatch(patch, std::move(object)));
  if (!patched.is_object()) return CliError("a patch left no object of " + resource.Id().Text());
  if (DepthOf(patched, kObjectDepthMax) >= kObjectDepthMax) {
    return CliError(fmt::format("a patched object nests deeper than {}", kObjectDepthMax));
  }
  const auto metadata = patched.find("metadata");
  if (metadata != patched.end() && metadata->is_object() &&
      At(*metadata, "annotations").empty()) {
    metadata->erase("annotations");
  }
  resource.object = std::move(patched);
  resource.blanks.clear();  // All nulls are written by now.
  return {};
}

struct Allowed {
  bool name = false;
  bool kind = false;
};

// False: nothing is left of it.
Result<bool> MergeInto(Resource& resource, const Json& patch, const Json* definitions,
                       Allowed allowed) {
  const ResourceId id = resource.Id();
  const Json namespace_ = At(resource.object, "metadata", "namespace");
  if (allowed.name || allowed.kind) resource.Remember();
  const MergeSchema schema = MergeSchema::Of(resource.object, definitions);
  DropBlanks(resource.object, std::exchange(resource.blanks, {}), schema);
  auto merged = TRY(MergePatchInto(resource.object, patch, schema));
  if (!merged || merged->empty()) return false;
  Json& object = *merged;
  if (DepthOf(object, kObjectDepthMax) >= kObjectDepthMax) {
    return CliError(fmt::format("a patched object nests deeper than {}", kObjectDepthMax));
  }
  if (!allowed.kind) object["kind"] = id.gvk.kind;
  Json& metadata = object["metadata"];
  if (!metadata.is_object()) metadata = Json::object();
  if (!allowed.name) metadata["name"] = id.name;
  if (namespace_.is_null()) {
    metadata.erase("namespace");
  } else {
    metadata["namespace"] = namespace_;
  }
  resource.object = std::move(object);
  return true;
}

void Drop(ResourceSet& resources, const std::vector<const Resource*>& gone) {
  std::erase_if(resources.all(), [&](const auto& each) {
    return std::find(gone.begin(), gone.end(), each.get()) != gone.end();
  });
}

// A patch of one object of any name takes the name and kind of each that it is meant for.
Result<> MergeIntoSelected(const PatchContext& context, Json patch, const Json& target,
                           Allowed allowed) {
  std::vector<const Resource*> gone;
  for (Resource* each : TRY(Select(context.resources, target))) {
    patch["apiVersion"] = At(each->object, "apiVersion");
    const bool left = TRY(MergeInto(*each, patch, context.definitions, allowed));
    if (!left) gone.push_back(each);
  }
  Drop(context.resources, gone);
  return {};
}

ResourceId IdOf(const Json& patch) {
  Resource named;
  named.object = patch;
  return named.Id();
}

Result<> MergeIntoNamed(const PatchContext& context, const Json& patch, Allowed allowed) {
  Resource* target = TRY(context.resources.FindOne(IdOf(patch)));
  const bool left = TRY(MergeInto(*target, patch, context.definitions, allowed));
  if (!left) Drop(context.resources, {target});
  return {};
}

tl::unexpected<Error> Trouble(const char* transformer, const std::string& config,
                              const std::string& why) {
  return CliError(fmt::format("trouble configuring builtin {} with config: `\n{}`: {}", transformer,
                              config, why));
}

// A patch with where it came from, for what is told of it.
struct PatchText {
  std::string text;
  std::string source;  // [path: "a.yaml"]
  std::string config;  // As YAML.
};

Result<PatchText> ReadPatchText(const PatchContext& context, const Json& patch) {
  const std::string path = TextAt(patch, "path");
  const std::string text(WithoutBlanks(TextAt(patch, "patch")));
  Json shown = patch;
  if (shown.contains("patch")) shown["patch"] = text;
  PatchText read{text, "", DumpYaml(shown)};
  const auto trouble = [&](const std::string& why) {
    return Trouble("PatchTransformer", read.config, why);
  };
  if (text.empty() && path.empty()) {
    return trouble("must specify one of patch and path in\n" + read.config);
  }
  if (!text.empty() && !path.empty()) {
    return trouble("patch and path can't be set at the same time\n" + read.config);
  }
  read.source = fmt::format("[patch: {}]", GoQuote(text));
  if (path.empty()) return read;
  auto loaded = context.loader.Load(path);
  if (!loaded) {
    return trouble(fmt::format("failed to get the patch file from path({}): {}", path,
                               loaded.error().message));
  }
  read.text = std::move(*loaded);
  read.source = fmt::format("[path: {}]", GoQuote(path));
  return read;
}

Result<JsonPatch> ReadJson6902(const Loader& loader, const Json& patch) {
  std::string text = TextAt(patch, "patch");
  const std::string path = TextAt(patch, "path");
  if (TextAt(patch, "target", "name").empty()) return CliError("must specify the target name");
  if (path.empty() && text.empty()) return CliError("empty file path and empty jsonOp");
  if (!path.empty()) {
    if (!text.empty()) return CliError("must specify a file path or jsonOp, not both");
    text = TRY(loader.Load(path));
    if (text.empty()) return CliError(fmt::format("patch file '{}' empty seems to be empty", path));
  }
  auto operations = TRY(ParseOperations(text));
  if (!operations.operations.empty()) return operations;
  return CliError(fmt::format("patch appears to be empty; file={}, JsonOp={}", path, text));
}

// Each is the patch itself where it reads as one.
Result<std::vector<Json>> ReadStrategicMerges(const Loader& loader,
                                              const std::vector<std::string>& patches) {
  std::vector<Json> all;
  for (const std::string& patch : patches) {
    auto objects = ParseObjects(patch);
    if (!objects) {
      const std::string text = TRY(loader.Load(patch));
      objects = ParseObjects(text);
      if (!objects) return CliError(objects.error().message + " in File: " + patch);
    }
    for (Json& each : *objects) all.push_back(std::move(each));
  }
  if (!all.empty()) return all;
  return CliError(fmt::format("patch appears to be empty; files=[{}], Patch=",
                              fmt::join(patches, " ")));
}

}  // namespace

Result<> ApplyPatch(const PatchContext& context, const Json& patch) {
  const PatchText read = TRY(ReadPatchText(context, patch));
  const auto objects = ParseObjects(read.text);
  const auto operations = ParseOperations(read.text);
  if (!objects && !operations) {
    return Trouble("PatchTransformer", read.config,
                   "unable to parse SM or JSON patch from " + read.source);
  }
  const Json& target = At(patch, "target");
  if (objects && !objects->empty()) {
    const Json& options = At(patch, "options");
    const Allowed allowed{IsTrue(At(options, "allowNameChange")),
                          IsTrue(At(options, "allowKindChange"))};
    if (target.is_null()) {
      for (const Json& each : *objects) {
        const auto merged = MergeIntoNamed(context, each, allowed);
        if (merged) continue;
        if (context.resources.FindOne(IdOf(each))) return merged;
        return CliError(fmt::format("no resource matches strategic merge patch \"{}\": {}",
                                    IdOf(each).Text(), merged.error().message));
      }
      return {};
    }
    if (objects->size() > 1) {
      return CliError(
          "Multiple Strategic-Merge Patches in one `patches` entry is not allowed to set "
          "`patches.target` field: " +
          read.source);
    }
    return MergeIntoSelected(context, objects->front(), target, allowed);
  }
  if (target.is_null()) {
    return CliError("must specify a target for JSON patch " + read.source);
  }
  if (!operations) return {};
  for (Resource* each : TRY(Select(context.resources, target))) {
    each->Remember();
    TRY(ApplyOperations(*each, *operations));
  }
  return {};
}

Result<> ApplyJson6902(const PatchContext& context, const Json& patch) {
  const auto operations = ReadJson6902(context.loader, patch);
  if (!operations) {
    Json config = patch;
    config.erase("options");
    if (config.contains("patch")) {
      config["jsonOp"] = std::move(config["patch"]);
      config.erase("patch");
    }
    return Trouble("PatchJson6902Transformer", DumpYaml(config), operations.error().message);
  }
  for (Resource* each : TRY(Select(context.resources, At(patch, "target")))) {
    TRY(ApplyOperations(*each, *operations));
  }
  return {};
}

Result<> ApplyStrategicMerges(const PatchContext& context,
                              const std::vector<std::string>& patches) {
  const auto all = ReadStrategicMerges(context.loader, patches);
  if (!all) {
    return Trouble("PatchStrategicMergeTransformer", DumpYaml({{"paths", patches}}),
                   all.error().message);
  }
  for (const Json& each : *all) TRY(MergeIntoNamed(context, each, {}));
  return {};
}

}  // namespace skiff::cli::kustomize
