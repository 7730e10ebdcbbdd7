#include "api/patch/apply.h"

#include <algorithm>
#include <map>
#include <set>

#include "api/codec/decode.h"
#include "api/codec/document.h"
#include "api/codec/json.h"
#include "api/crd/custom_kind.h"
#include "api/patch/go_conversion.h"
#include "api/patch/merge.h"
#include "api/text/go_text.h"

namespace skiff {
namespace {

constexpr std::string_view kBeforeFirstApply = "before-first-apply";
constexpr size_t kAnnotationsMax = 262144;  // Bytes of all annotations of an object.
// A conflict names so many bytes of fields; the others are only counted.
constexpr size_t kConflictBytesMax = 1 << 20;

tl::unexpected<Error> ServerError(std::string message) {
  Error error{.reason = Reason::kUnknown, .message = std::move(message)};
  error.http_code = 500;
  return Fail(std::move(error));
}

// "apps/v1, Kind=Deployment"; "/v1, Kind=Pod"
std::string GroupVersionKindText(const KindInfo& kind) {
  return std::string(kind.group) + "/" + std::string(kind.version) +
         ", Kind=" + std::string(kind.kind);
}

std::string Subject(const KindInfo& kind, const Json& document) {
  return "(" + TextAt(document, "metadata.namespace") + "/" + TextAt(document, "metadata.name") +
         "; " + GroupVersionKindText(kind) + ")";
}
std::string Subject(const Apply& apply) {
  return Subject(apply.kind, apply.configuration);
}

std::string PrintManager(const ManagedEntry& entry) {
  std::string out = GoQuote(entry.manager);
  if (!entry.subresource.empty()) out += " with subresource " + GoQuote(entry.subresource);
  if (!entry.is_apply) out += " using " + entry.api_version;
  return out;
}

// Fields of the write that others own, by owner.
using Conflicts = std::vector<std::pair<ManagedEntry, FieldSet>>;

Error ConflictError(const Conflicts& conflicts) {
  std::map<std::string, std::vector<std::string>> by_manager;
  size_t count = 0, bytes = 0;
  Error error{.reason = Reason::kConflict};
  for (const auto& [entry, fields] : conflicts) {
    const std::string manager = PrintManager(entry);
    VisitPaths(fields, [&](const std::string& path) {
      ++count;
      if (bytes > kConflictBytesMax) return;
      bytes += path.size() + manager.size();
      by_manager[manager].push_back(path);
      error.causes.push_back({"FieldManagerConflict", "conflict with " + manager, path});
    });
  }
  std::string text =
      "Apply failed with " + std::to_string(count) + (count == 1 ? " conflict: " : " conflicts: ");
  if (count == 1) {
    text += "conflict with " + by_manager.begin()->first + ": " + by_manager.begin()->second[0];
  } else {
    bool first = true;
    for (const auto& [manager, paths] : by_manager) {
      text += (first ? "" : "\n") + ("conflicts with " + manager + ":");
      for (const std::string& path : paths) text += "\n- " + path;
      first = false;
    }
  }
  error.message = std::move(text);
  error.details = ErrorDetails{};
  return error;
}

// One application of a configuration to the owners and the object.
class Applier {
 public:
  explicit Applier(const Apply& apply)
      : apply_(apply), type_(crd::WholeType(apply.kind)), root_{&type_, nullptr} {
    live_ = apply.live;
    if (live_.contains("metadata")) live_["metadata"].erase("managedFields");
    configuration_ = apply.configuration;
    configuration_.erase("kind");
    configuration_.erase("apiVersion");
  }

  Result<Json> Run();

 private:
  // What is to be taken from the merged object: what our last configuration gave and this one does
  // not, as long as nobody else owns it.
  Result<Json> Prune(Json merged, const ManagedEntry& last) const;
  // An object as one of its versions.
  struct Versioned {
    std::string_view version;
    const Type* type;
    Json document;
  };
  // Makes it that of `version`; false: there is none, and nothing was done.
  Result<bool> See(Versioned& seen, std::string_view version) const;
  static FieldSet NamedFieldsOf(const Versioned& seen);
  static Versioned Without(const Versioned& seen, const FieldSet& fields) {
    return {seen.version, seen.type, RemoveFields({seen.type, nullptr}, seen.document, fields)};
  }
  // What of `whole` is `owned`, in the words of that version, stays in `pruned`.
  Result<> GiveBack(Versioned& whole, Versioned& pruned, std::string_view version,
                    const FieldSet& owned) const;
  // Drops what was written through versions that are gone, and fails, as Kubernetes does, where one
  // of the others cannot be had.
  Result<> CheckVersions();
  // What entries name by schemas that have changed since.
  void FollowSchemas();
  Conflicts ConflictsWith(const VersionedChanges& changes) const;
  FieldSet AllowedByLastApplied() const;
  Result<Json> Finish(const Json& pruned);

  const Apply& apply_;
  const Type& type_;
  const Spot root_;
  Json live_;
  Json configuration_;
  ManagedEntries entries_;
  size_t self_ = 0;
};

FieldSet Applier::NamedFieldsOf(const Versioned& seen) {
  return WithNamedParents(FieldsOf({seen.type, nullptr}, seen.document), *seen.type);
}

Result<bool> Applier::See(Versioned& seen, std::string_view version) const {
  if (seen.version == version) return true;
  const FieldVersions* versions = apply_.writer.versions;
  if (versions == nullptr) return true;  // They look alike.
  const Type* type = versions->TypeOf(version);
  if (type == nullptr) return false;
  Json document = TRY(ConvertFields(*versions, seen.document, version));
  seen = {version, type, std::move(document)};
  return true;
}

Result<> Applier::GiveBack(Versioned& whole, Versioned& pruned, std::string_view version,
                           const FieldSet& owned) const {
  const bool whole_seen = TRY(See(whole, version));
  const bool pruned_seen = TRY(See(pruned, version));
  if (!whole_seen || !pruned_seen) return {};
  const FieldSet kept = Union(NamedFieldsOf(pruned), WithNamedParents(owned, *pruned.type));
  pruned = Without(whole, Difference(NamedFieldsOf(whole), kept));
  return {};
}

Result<Json> Applier::Prune(Json merged, const ManagedEntry& last) const {
  if (last.fields.Empty()) return merged;
  const std::string_view own = apply_.writer.api_version;
  Versioned whole{own, &type_, std::move(merged)};
  const bool seen = TRY(See(whole, last.api_version));
  if (!seen) return std::move(whole.document);
  const std::string_view first = whole.version;
  const FieldSet last_named = WithNamedParents(last.fields, *whole.type);
  Versioned pruned = Without(whole, last_named);
  // Give back what any manager owns now, by the words of the version that it wrote, this one first.
  std::map<std::string_view, std::vector<FieldSet>> owned;
  for (const ManagedEntry& entry : entries_) {
    const std::string_view version = entry.api_version;
    owned[apply_.writer.versions == nullptr ? own : version].push_back(entry.fields);
  }
  TRY(GiveBack(whole, pruned, first, UnionOf(std::move(owned[first]))));
  owned.erase(first);
  if (!owned.empty()) {
    Versioned there = whole;
    for (auto& [version, fields] : owned) {
      TRY(GiveBack(there, pruned, version, UnionOf(std::move(fields))));
    }
    TRY(See(pruned, first));
  }
  // And what went only because it lay below something removed.
  const FieldSet gone = Difference(NamedFieldsOf(whole), NamedFieldsOf(pruned));
  pruned = Without(whole, Intersection(gone, last_named));
  TRY(See(pruned, own));
  return std::move(pruned.document);
}

Result<> Applier::CheckVersions() {
  const FieldVersions* versions = apply_.writer.versions;
  if (versions == nullptr) return {};
  std::erase_if(entries_, [&](const ManagedEntry& entry) {
    return versions->TypeOf(entry.api_version) == nullptr;
  });
  std::set<std::string_view> seen = {apply_.writer.api_version};
  for (const ManagedEntry& entry : entries_) {
    if (!seen.insert(entry.api_version).second) continue;
    TRY(ConvertFields(*versions, live_, entry.api_version));
  }
  return {};
}

void Applier::FollowSchemas() {
  const FieldVersions* versions = apply_.writer.versions;
  for (ManagedEntry& entry : entries_) {
    OwnWhole(entry.fields, versions == nullptr ? type_ : *versions->TypeOf(entry.api_version));
  }
}

Conflicts Applier::ConflictsWith(const VersionedChanges& changes) const {
  Conflicts conflicts;
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (i == self_) continue;
    FieldSet both = Intersection(entries_[i].fields, changes.Of(entries_[i]).changed);
    if (!both.Empty()) conflicts.emplace_back(entries_[i], std::move(both));
  }
  return conflicts;
}

// Fields that kubectl's client-side apply set last and that still have its values: moving to
// server-side apply may take them over.
FieldSet Applier::AllowedByLastApplied() const {
  const auto metadata = live_.find("metadata");
  if (metadata == live_.end()) return {};
  const Json annotations = metadata->value("annotations", Json::object());
  const auto text = annotations.find(std::string(kLastAppliedAnnotation));
  if (text == annotations.end() || !text->is_string()) return {};
  auto last = ParseJson(text->get_ref<const std::string&>());
  if (!last || !last->is_object()) return {};
  if (last->value("apiVersion", Json()) != std::string(apply_.kind.api_version)) return {};
  last->erase("kind");
  last->erase("apiVersion");
  const Comparison comparison = Compare(root_, *last, live_);
  return Difference(Difference(FieldsOf(root_, *last), comparison.changed), comparison.removed);
}

Result<Json> Applier::Run() {
  const auto metadata = configuration_.find("metadata");
  if (metadata != configuration_.end() && metadata->is_object() &&
      metadata->contains("managedFields") && !metadata->at("managedFields").is_null()) {
    return Fail(Reason::kBadRequest, "metadata.managedFields must be nil");
  }
  entries_ = DecodeManagedFields(apply_.live).value_or(ManagedEntries());
  const std::string live_misfit = CheckKept(type_, live_);
  if (entries_.empty() && !live_misfit.empty()) {
    return ServerError(
        "failed to create manager for existing fields: failed to convert new object " +
        Subject(apply_.kind, live_) + " to smd typed: " + live_misfit);
  }
  const std::string misfit = CheckApplied(type_, configuration_);
  if (!misfit.empty()) {
    return ServerError("failed to create typed patch object " + Subject(apply_) + ": " + misfit);
  }
  if (!live_misfit.empty()) {
    return ServerError("failed to create typed live object " + Subject(apply_.kind, live_) + ": " +
                       live_misfit);
  }
  if (entries_.empty()) {
    FieldWriter before = apply_.writer;
    before.manager = kBeforeFirstApply;
    RecordUpdate({Compare(root_, ZeroDocument(type_), live_), before}, before,
                 entries_);
  }
  TRY(CheckVersions());
  FollowSchemas();
  ManagedEntry self{.manager = std::string(apply_.writer.manager),
                    .is_apply = true,
                    .api_version = std::string(apply_.writer.api_version),
                    .subresource = std::string(apply_.writer.subresource)};
  ManagedEntry last;
  self_ = 0;
  while (self_ < entries_.size() && !entries_[self_].SameManager(self)) ++self_;
  if (self_ == entries_.size()) {
    entries_.push_back(self);
  } else {
    last = entries_[self_];
    self.time = last.time;
  }
  self.fields = FieldsOf(root_, configuration_);
  apply_.writer.reset.Apply(self.fields);
  entries_[self_] = std::move(self);
  const Json pruned = TRY(Prune(MergeApplied(root_, Json(live_), configuration_), last));
  return Finish(pruned);
}

Result<Json> AsStruct(const Type& type, const Json& document) {
  auto object = Normalize(type, document);
  if (object) return object;
  Json converted = document;
  TRY(ConvertAsGo(type, converted));
  object = Normalize(type, converted);
  if (!object) return Fail(Reason::kBadRequest, ConversionError(object.error().message));
  return object;
}

Result<Json> Applier::Finish(const Json& pruned) {
  const Json& merged = pruned.is_null() ? Json::object() : pruned;
  VersionedChanges changes(Compare(root_, live_, merged), apply_.writer);
  TRY(changes.Add(live_, merged, entries_));
  Conflicts conflicts = ConflictsWith(changes);
  if (!conflicts.empty() && !apply_.force) {
    if (apply_.writer.manager == "kubectl") {
      const FieldSet allowed = AllowedByLastApplied();
      for (auto& [entry, fields] : conflicts) fields = Difference(fields, allowed);
      std::erase_if(conflicts, [](const auto& conflict) { return conflict.second.Empty(); });
    }
    if (!conflicts.empty()) return Fail(ConflictError(conflicts));
  }
  const bool effective = merged != live_;
  if (effective) entries_[self_].time = Time(apply_.writer.now).Rfc3339();
  StripSystemFields(entries_[self_].fields);
  TakeChanges(entries_, changes, &entries_[self_]);
  // A document without a struct has no other form.
  auto object = type_.ops == nullptr ? Result<Json>(merged) : AsStruct(type_, merged);
  if (!object) {
    return ServerError("failed to convert new object " + Subject(apply_) +
                       " to proper version: unable to convert unstructured object to " +
                       GroupVersionKindText(apply_.kind) + ": " + object.error().message);
  }
  for (const char* name : {"kind", "apiVersion"}) {
    if (apply_.live.contains(name)) (*object)[name] = apply_.live[name];
  }
  EncodeManagedFields(std::move(entries_), *object);
  return object;
}

// kubectl's annotation follows what kubectl applies, if the object has it.
void SyncLastApplied(const Apply& apply, Json& object) {
  if (apply.writer.manager != "kubectl") return;
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->contains("annotations")) return;
  Json& annotations = (*metadata)["annotations"];
  const std::string name(kLastAppliedAnnotation);
  if (!annotations.contains(name)) return;
  Json applied = apply.configuration;
  Json& applied_metadata = applied["metadata"];
  if (!applied_metadata.is_object()) applied_metadata = Json::object();
  applied_metadata.erase("managedFields");
  if (const auto given = applied_metadata.find("annotations"); given != applied_metadata.end()) {
    if (given->is_object()) given->erase(name);  // It may be null.
    if (given->empty()) applied_metadata.erase(given);
  }
  std::string text = DumpJson(applied) + "\n";
  size_t bytes = 0;
  for (const auto& [key, value] : annotations.items()) {
    bytes += key.size() +
             (key == name || !value.is_string() ? 0 : value.get_ref<const std::string&>().size());
  }
  if (bytes + text.size() <= kAnnotationsMax) {
    annotations[name] = std::move(text);
  } else {
    annotations.erase(name);
  }
}

}  // namespace

Result<Json> ApplyConfiguration(const Apply& apply) {
  Json object = TRY(Applier(apply).Run());
  SyncLastApplied(apply, object);
  return object;
}

}  // namespace skiff
