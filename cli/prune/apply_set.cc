#include "cli/prune/apply_set.h"

#include <algorithm>

#include "api/text/go_text.h"
#include "base/hash.h"
#include "base/version.h"
#include "cli/json_text.h"

namespace skiff::cli {
namespace {

constexpr char kTool[] = "kubectl";
constexpr char kApplySetManager[] = "kubectl-applyset";

bool IsBuiltInParent(const Resource& resource) {
  return resource.api_version == "v1" &&
         (resource.name == "secrets" || resource.name == "configmaps");
}

// "kubectl" of "kubectl/v1.35.0"
std::string ToolOf(const std::string& tooling) {
  return tooling.substr(0, tooling.rfind('/'));
}

}  // namespace

Result<ApplySet> ApplySet::Named(Command& command, const std::string& reference) {
  Session& session = *TRY(command.session());
  const size_t slash = reference.find('/');
  const bool typed = slash != std::string::npos;
  const std::string name = typed ? reference.substr(slash + 1) : reference;
  const std::string type = typed ? reference.substr(0, slash) : "secrets";
  const auto invalid = [&](const std::string& why) {
    return CliError(fmt::format("invalid parent reference {}: {}", GoQuote(reference), why));
  };
  if (name.empty()) return invalid("name cannot be blank");
  const auto kind = session.kinds().Find(type);
  if (!kind) {
    const size_t dot = type.find('.');
    return invalid(fmt::format("no matches for {}/, Resource={}",
                               dot == type.npos ? "" : type.substr(dot + 1), type.substr(0, dot)));
  }
  ApplySet set(command, session);
  set.parent_ = kind->resource;
  set.key_.name = name;
  if (kind->resource.namespaced && session.namespace_given()) {
    set.key_.namespace_ = session.namespace_();
  }
  return set;
}

Result<> ApplySet::Check() {
  std::vector<std::string> wrong;
  if (parent_.namespaced && key_.namespace_.empty()) {
    wrong.push_back("namespace is required to use namespace-scoped ApplySet");
  }
  if (!IsBuiltInParent(parent_)) {
    const ServedKind definitions = TRY(session_.kinds().Find("customresourcedefinitions"));
    ListOptions options;
    options.label_selector = kApplySetParentType;
    const auto allowed = session_.api().List(definitions.resource, options);
    if (!allowed) {
      wrong.push_back("identifying allowed custom resource parent types: " +
                      allowed.error().message);
    }
    const std::string definition = parent_.name + "." + parent_.Group();
    const bool found =
        allowed && std::any_of(allowed->items.begin(), allowed->items.end(),
                               [&](const Json& each) { return NameOf(each) == definition; });
    if (!found) {
      wrong.push_back(
          fmt::format("resource \"{}{}, Resource={}\" is not permitted as an ApplySet parent",
                      parent_.Group().empty() ? "/" : "", parent_.api_version, parent_.name));
    }
  }
  if (wrong.empty()) return {};
  return wrong.size() == 1 ? CliError(wrong[0]) : PlainError(Join(wrong, "\n"));
}

std::string ApplySet::id() const {
  const std::string named =
      fmt::format("{}.{}.{}.{}", key_.name, key_.namespace_, parent_.kind, parent_.Group());
  return fmt::format("applyset-{}-v1", Base64Url(Sha256(named)));
}

std::string ApplySet::ParentText() const {
  return fmt::format("{}.{}/{}", parent_.name, parent_.Group(), key_.name);
}

Result<> ApplySet::Label(std::vector<ManifestObject>& objects) const {
  for (ManifestObject& each : objects) {
    Json& metadata = each.object["metadata"];
    if (!metadata.is_object()) metadata = Json::object();
    Json& labels = metadata["labels"];
    if (!labels.is_object()) labels = Json::object();
    if (labels.contains(kApplySetPartOf)) {
      return CliError(
          fmt::format("ApplySet label \"{}\" already set in input data", kApplySetPartOf));
    }
    labels[kApplySetPartOf] = id();
  }
  return {};
}

Result<> ApplySet::ReadKinds(const Json& annotations) {
  const bool by_kind = At(annotations, kApplySetKinds).is_string();
  // What older kubectls wrote.
  const char* annotation = by_kind ? kApplySetKinds : kApplySetResources;
  const std::string names = TextAt(annotations, annotation);
  if (!by_kind && names.empty()) {
    return CliError(fmt::format(
        "kubectl requires the \"{}\" annotation to be set on all ApplySet parent objects",
        kApplySetKinds));
  }
  if (names.empty()) return {};  // A set without objects.
  for (const std::string& name : Split(names, ',')) {
    auto kind = session_.kinds().Find(name);
    if (!kind) {
      return CliError(fmt::format("could not find mapping for kind in \"{}\" annotation: {}",
                                  annotation, kind.error().message));
    }
    current_kinds_.emplace(GroupKind(kind->resource), std::move(*kind));
  }
  return {};
}

Result<> ApplySet::ReadParent() {
  const std::string who = fmt::format("ApplySet parent object \"{}\"", ParentText());
  const auto parent = session_.api().Get(parent_, key_);
  if (!parent) {
    if (parent.error().reason != Reason::kNotFound) {
      return CliError(fmt::format("failed to fetch {}: {}", who, parent.error().message));
    }
    if (IsBuiltInParent(parent_)) return {};
    return CliError("custom resource ApplySet parents cannot be created automatically");
  }
  const Json& annotations = At(*parent, "metadata", "annotations");
  const Json& tooling = At(annotations, kApplySetTooling);
  if (!tooling.is_string()) {
    return CliError(fmt::format("{} already exists and is missing required annotation \"{}\"", who,
                                kApplySetTooling));
  }
  if (const std::string tool = ToolOf(TextOf(tooling)); tool != kTool) {
    return CliError(fmt::format("{} already exists and is managed by tooling {} instead of \"{}\"",
                                who, GoQuote(tool), kTool));
  }
  const Json& label = At(*parent, "metadata", "labels", kApplySetId);
  if (!label.is_string()) {
    return CliError(fmt::format("{} exists and does not have required label {}", who, kApplySetId));
  }
  if (TextOf(label) != id()) {
    return CliError(
        fmt::format("{} exists and has incorrect value for label \"{}\" (got: {}, want: {})", who,
                    kApplySetId, TextOf(label), id()));
  }
  const auto read = ReadKinds(annotations);
  if (!read) {
    return CliError(fmt::format("parsing ApplySet annotation on \"{}\": {}", ParentText(),
                                read.error().message));
  }
  const std::string namespaces = TextAt(annotations, kApplySetNamespaces);
  if (!namespaces.empty()) {
    for (std::string& each : Split(namespaces, ',')) current_namespaces_.insert(std::move(each));
  }
  if (parent_.namespaced) current_namespaces_.insert(key_.namespace_);
  return {};
}

Result<> ApplySet::WriteParent(const KindsByName& kinds, const std::set<std::string>& namespaces,
                               const WriteFlags& write) {
  if (write.dry_run.client()) return {};
  std::vector<std::string> kind_names;
  for (const auto& [name, kind] : kinds) kind_names.push_back(name);
  std::vector<std::string> others;
  for (const std::string& each : namespaces) {
    if (each != key_.namespace_) others.push_back(each);
  }
  Json parent = {{"apiVersion", parent_.api_version},
                 {"kind", parent_.kind},
                 {"metadata",
                  {{"name", key_.name},
                   {"annotations",
                    {{kApplySetTooling, fmt::format("{}/{}", kTool, kKubernetesRelease)},
                     {kApplySetKinds, Join(kind_names, ",")},
                     {kApplySetNamespaces, Join(others, ",")}}},
                   {"labels", {{kApplySetId, id()}}}}}};
  if (!key_.namespace_.empty()) parent["metadata"]["namespace"] = key_.namespace_;
  WriteOptions options = TRY(write.Options());
  options.field_manager = kApplySetManager;
  const std::string path = TRY(parent_.Path(key_));
  const auto send = [&](const char* force) {
    Query query = QueryOf(options);
    query.emplace_back("force", force);
    return session_.api().Write("PATCH", path, std::move(query), parent,
                                "application/apply-patch+yaml");
  };
  auto written = send("false");
  if (!written && written.error().reason == Reason::kConflict) {
    command_.Warn(
        "Warning: failed to update ApplySet: {}; its fields belong to {}, so they are taken over\n",
        written.error().message, kApplySetManager);
    written = send("true");
  }
  if (written) return {};
  return CliError("failed to update ApplySet: " + written.error().message);
}

Result<> ApplySet::Begin(const std::vector<ManifestObject>& objects, const WriteFlags& write) {
  TRY(ReadParent());
  for (const ManifestObject& each : objects) {
    new_kinds_.emplace(GroupKind(each.kind.resource), each.kind);
    if (each.kind.resource.namespaced) new_namespaces_.insert(each.key.namespace_);
  }
  KindsByName kinds = current_kinds_;
  kinds.insert(new_kinds_.begin(), new_kinds_.end());
  std::set<std::string> namespaces = current_namespaces_;
  namespaces.insert(new_namespaces_.begin(), new_namespaces_.end());
  return WriteParent(kinds, namespaces, write);
}

Result<std::vector<Target>> ApplySet::FindToPrune(const Visited& visited) {
  std::vector<Target> found;
  for (const auto& [name, kind] : current_kinds_) {
    const std::set<std::string> everywhere = {""};
    for (const std::string& namespace_ :
         kind.resource.namespaced ? current_namespaces_ : everywhere) {
      ListOptions options;
      options.namespace_ = namespace_;
      options.label_selector = fmt::format("{}={}", kApplySetPartOf, id());
      auto list = session_.api().List(kind.resource, options);
      if (!list) {
        return CliError(fmt::format("listing {} objects for pruning: {}", KindText(kind.resource),
                                    list.error().message));
      }
      for (Json& item : list->items) {
        if (visited.uids.contains(TextAt(item, "metadata", "uid"))) continue;
        const ObjectKey key = {NamespaceOf(item), NameOf(item)};
        found.push_back({kind.resource, key, "", std::move(item)});
      }
    }
  }
  return found;
}

Result<> ApplySet::End(const WriteFlags& write) {
  const auto written = WriteParent(new_kinds_, new_namespaces_, write);
  if (written) return {};
  return CliError("apply and prune succeeded, but ApplySet update failed: " +
                  written.error().message);
}

}  // namespace skiff::cli
