#include "cli/kustomize/target.h"

#include <fmt/format.h>

#include <filesystem>

#include "api/text/go_text.h"
#include "api/text/yaml.h"
#include "cli/errors.h"
#include "cli/json_text.h"
#include "cli/kustomize/generate.h"
#include "cli/kustomize/patches.h"
#include "cli/kustomize/replace.h"
#include "cli/kustomize/transform.h"

namespace skiff::cli::kustomize {
namespace {

tl::unexpected<Error> Wrapped(const std::string& prefix, const Error& error) {
  return CliError(prefix + ": " + error.message);
}

// "accumulating resources from 'a.yaml': ..."
constexpr char kMalformed[] = "MalformedYAMLError: ";

}  // namespace

std::string Target::Joined(const std::string& path) const {
  return (std::filesystem::path(path_) / path).lexically_normal();
}

Result<> Target::Read() {
  read_ = TRY(ReadKustomization(loader_));
  for (const std::string& each : read_.warnings) state_.warnings.push_back(each);
  return ReadDefinitions();
}

// Those of the outermost hold; where it says none, those of the first that does.
Result<> Target::ReadDefinitions() {
  const Json& openapi = At(read_.fields, "openapi");
  const std::string path = TextAt(openapi, "path");
  const std::string version = TextAt(openapi, "version");
  if (!path.empty() && !version.empty()) {
    return CliError("builtin version and custom schema provided, cannot use both");
  }
  if (!version.empty() && version != "v1.21.2") {
    return CliError("the specified OpenAPI version is not built in");
  }
  if (path.empty()) return {};
  const std::string text = TRY(loader_.Load(path));
  if (state_.definitions) return {};
  YamlDocument document = TRY(ParseYaml(text));
  const Json& definitions = At(document.value, "definitions");
  if (!definitions.is_object()) {
    return CliError(fmt::format("{} is no OpenAPI document: it has no definitions", path));
  }
  state_.definitions = std::make_unique<Json>(definitions);
  return {};
}

Result<> Target::Accumulate(Accumulated& into) {
  const auto resources = AddResources(into);
  if (!resources) return Wrapped("accumulating resources", resources.error());
  TRY(MergeTables(into));
  TRY(RunGenerators(into));
  const auto components = AddComponents(into);
  if (!components) return Wrapped("accumulating components", components.error());
  TRY(RunTransformers(into));
  const auto variables = AddVariables(read_.Items("vars"), into.resources, into.variables);
  if (!variables) return Wrapped("merging vars", variables.error());
  return {};
}

// Each is a file, or else a directory with a kustomization; where it is neither, both are told of.
Result<> Target::AddResources(Accumulated& into) {
  for (const std::string& path : read_.Texts("resources")) {
    if (IsRemote(path)) {
      return CliError(fmt::format(
          "{} is remote, and nothing is fetched here: download it, and name the file", path));
    }
    const auto file = AddFile(path, into.resources);
    if (file) continue;
    const auto below = loader_.Below(path);
    if (!below && file.error().message.find(kMalformed) != std::string::npos) return file;
    const std::string both = fmt::format("accumulation err='{}'", file.error().message);
    if (!below) return Wrapped(both, below.error());
    const auto directory = AddDirectory(path, /*component=*/false, into);
    if (!directory) return Wrapped(both, directory.error());
  }
  return {};
}

Result<> Target::AddFile(const std::string& path, ResourceSet& resources) {
  const std::string from = fmt::format("accumulating resources from '{}'", path);
  const auto text = loader_.Load(path);
  if (!text) return Wrapped(from, text.error());
  auto written = ParseResources(*text);
  if (!written) {
    const bool malformed = written.error().message.starts_with(kMalformed);
    return CliError(fmt::format("{}: {}{}", from, written.error().message,
                                malformed ? " in File: " + path : ""));
  }
  ResourceSet read;
  for (auto& resource : *written) {
    if (state_.tracks_origins) resource->origin = Origin{.path = Joined(path)};
    const auto appended = read.Append(std::move(resource));
    if (!appended) return Wrapped(from, appended.error());
  }
  const auto merged = resources.AppendAll(std::move(read));
  if (!merged) return Wrapped(fmt::format("merging resources from '{}'", path), merged.error());
  return {};
}

Result<> Target::AddDirectory(const std::string& path, bool component, Accumulated& into) {
  const Loader loader = TRY(loader_.Below(path));
  Target target(loader, Joined(path), state_);
  const auto read = target.Read();
  if (!read) {
    return Wrapped(fmt::format("couldn't make target for path '{}'", loader.root()), read.error());
  }
  if (component && !target.read_.is_component) {
    return CliError(fmt::format("expected kind 'Component' for path '{}' but got 'Kustomization'",
                                loader.root()));
  }
  if (!component && target.read_.is_component) {
    return CliError(fmt::format("expected kind != 'Component' for path '{}'", loader.root()));
  }
  Accumulated own;
  const auto accumulated = target.Accumulate(component ? into : own);
  if (!accumulated) {
    return Wrapped(fmt::format("recursed accumulation of path '{}'", loader.root()),
                   accumulated.error());
  }
  if (component) return {};
  const auto merged = [&]() -> Result<> {
    TRY(into.resources.AppendAll(std::move(own.resources)));
    TRY(into.more_tables.Merge(own.more_tables));
    return MergeVariables(std::move(own.variables), into.variables);
  }();
  if (!merged) {
    return Wrapped(fmt::format("recursed merging from path '{}'", loader.root()), merged.error());
  }
  return {};
}

Result<> Target::AddComponents(Accumulated& into) {
  for (const std::string& path : read_.Texts("components")) {
    if (IsRemote(path)) {
      return CliError(fmt::format(
          "{} is remote, and nothing is fetched here: download it, and name its directory", path));
    }
    const auto below = loader_.Below(path);
    if (!below) return CliError("loader.New " + GoQuote(below.error().message));
    const auto added = AddDirectory(path, /*component=*/true, into);
    if (!added) return CliError("accumulateDirectory: " + GoQuote(added.error().message));
  }
  return {};
}

Result<> Target::MergeTables(Accumulated& into) {
  for (const std::string& path : read_.Texts("configurations")) {
    const std::string text = TRY(loader_.Load(path));
    const FieldTables own = TRY(ReadFieldTables(text));
    TRY(into.more_tables.Merge(own));
  }
  for (const std::string& path : read_.Texts("crds")) {
    const auto text = loader_.Load(path);
    if (!text) {
      return Wrapped(fmt::format("loading CRDs [{}]", fmt::join(read_.Texts("crds"), " ")),
                     text.error());
    }
    const auto fields = ReadCrdFields(*text);
    if (!fields) {
      return Wrapped(fmt::format("unable to parse open API definition from '{}'", path),
                     fields.error());
    }
    TRY(into.more_tables.Merge(*fields));
  }
  return {};
}

Result<> Target::RunGenerators(Accumulated& into) {
  struct Generator {
    const char* field;
    Generated kind;
    const char* name;
  };
  constexpr Generator kGenerators[] = {
      {"configMapGenerator", Generated::kConfigMap, "ConfigMapGenerator"},
      {"secretGenerator", Generated::kSecret, "SecretGenerator"}};
  for (const Generator& each : kGenerators) {
    for (const Json& arguments : read_.Items(each.field)) {
      auto generated = TRY(Generate(loader_, each.kind, arguments,
                                    At(read_.fields, "generatorOptions")));
      if (state_.tracks_origins) {
        generated->origin =
            Origin{.configured_in = Joined(read_.file), .configured_by = each.name};
      }
      const auto absorbed = into.resources.Absorb(std::move(generated));
      if (!absorbed) {
        return Wrapped(fmt::format("merging from generator {}", each.name), absorbed.error());
      }
    }
  }
  return {};
}

void Target::Note(ResourceSet& resources, const char* transformer) {
  if (!state_.tracks_origins) return;
  const Origin origin{.configured_in = Joined(read_.file), .configured_by = transformer};
  for (const auto& each : resources.all()) {
    if (each->origin) {
      each->changes.push_back(origin);
    } else {
      each->origin = origin;
    }
  }
}

// In the order in which kustomize has them, whatever that of the fields.
Result<> Target::RunTransformers(Accumulated& into) {
  ResourceSet& all = into.resources;
  const FieldTables tables = TRY(DefaultFieldTablesWith(into.more_tables));
  const PatchContext patches{loader_, all, state_.definitions.get()};
  const std::vector<std::string> merges = read_.Texts("patchesStrategicMerge");
  if (!merges.empty()) {
    TRY(ApplyStrategicMerges(patches, merges));
    Note(all, "PatchStrategicMergeTransformer");
  }
  for (const Json& each : read_.Items("patches")) {
    TRY(ApplyPatch(patches, each));
    Note(all, "PatchTransformer");
  }
  if (const std::string name = read_.Text("namespace"); !name.empty()) {
    TRY(SetNamespaces(all, name, tables.namespaces));
    Note(all, "NamespaceTransformer");
  }
  if (const std::string prefix = read_.Text("namePrefix"); !prefix.empty()) {
    TRY(AddAffix(all, Affix::kPrefix, prefix, tables.name_prefix));
    Note(all, "PrefixTransformer");
  }
  if (const std::string suffix = read_.Text("nameSuffix"); !suffix.empty()) {
    TRY(AddAffix(all, Affix::kSuffix, suffix, tables.name_suffix));
    Note(all, "SuffixTransformer");
  }
  const std::vector<Json> labels = read_.Items("labels");
  const Json& common_labels = At(read_.fields, "commonLabels");
  for (const Json& each : labels) {
    TRY(SetLabels(all, each, tables));
    Note(all, "LabelTransformer");
  }
  if (!labels.empty() || !common_labels.empty()) {
    TRY(SetMetadata(all, common_labels, tables.common_labels));
    Note(all, "LabelTransformer");
  }
  if (const Json& annotations = At(read_.fields, "commonAnnotations"); !annotations.empty()) {
    TRY(SetMetadata(all, annotations, tables.common_annotations));
    Note(all, "AnnotationsTransformer");
  }
  for (const Json& each : read_.Items("patchesJson6902")) {
    TRY(ApplyJson6902(patches, each));
    Note(all, "PatchJson6902Transformer");
  }
  for (const Json& each : read_.Items("replicas")) {
    TRY(SetReplicas(all, each, tables.replicas));
    Note(all, "ReplicaCountTransformer");
  }
  for (const Json& each : read_.Items("images")) {
    TRY(SetImages(all, each, tables.images));
    Note(all, "ImageTagTransformer");
  }
  return RunReplacements(into);
}

Result<> Target::RunReplacements(Accumulated& into) {
  const std::vector<Json> items = read_.Items("replacements");
  for (const Json& item : items) {
    const std::string path = TextAt(item, "path");
    if (path.empty()) {
      TRY(Replace(into.resources, item, state_.copied_bytes));
      continue;
    }
    if (item.contains("source") || !At(item, "targets").empty()) {
      return CliError("cannot specify both path and inline replacement");
    }
    const std::string text = TRY(loader_.Load(path));
    for (const Json& each : TRY(ReadReplacements(text))) {
      TRY(Replace(into.resources, each, state_.copied_bytes));
    }
  }
  if (!items.empty()) Note(into.resources, "ReplacementTransformer");
  return {};
}

}  // namespace skiff::cli::kustomize
