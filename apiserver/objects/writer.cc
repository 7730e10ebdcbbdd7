#include "apiserver/objects/writer.h"

#include "api/codec/decode.h"
#include "api/codec/struct_text.h"
#include "api/crd/custom_kind.h"
#include "api/gen/core_v1.h"
#include "api/kinds/behaviour.h"
#include "api/kinds/versions.h"
#include "api/patch/managed_fields.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/names.h"
#include "api/rules/rules.h"
#include "api/text/group_version.h"
#include "apiserver/objects/custom_body.h"
#include "apiserver/objects/keep_parts.h"
#include "apiserver/objects/late_write.h"
#include "apiserver/objects/metadata_checks.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/objects/saved.h"
#include "apiserver/objects/track_fields.h"
#include "apiserver/objects/unstored.h"
#include "apiserver/objects/write_warnings.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/list_options.h"
#include "apiserver/request/resources.h"
#include "apiserver/request/time_limit.h"
#include "apiserver/services/allocation.h"
#include "apiserver/storage/keys.h"
#include "base/at_once.h"

namespace skiff {
namespace {

constexpr int kNameTriesMax = 8;
constexpr std::string_view kBeingDeleted = "object is being deleted: ";
// A write that loses the race this often in a row gives up with the conflict.
constexpr int kUpdateTriesMax = 64;

void SetDefaults(Object& object) {
  const Rules& rules = *object.kind().behaviour->rules;
  if (rules.set_defaults) rules.set_defaults(object.raw());
  if (rules.keep_empty_lists && !object.empty_lists().empty()) {
    rules.keep_empty_lists(object.raw(), object.empty_lists());
  }
}

bool IsNumber(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

// JSON text as a client sees it without a write: as if it had been kept and read again.
Result<std::string> TextAt(const Object& object, std::string_view revision) {
  Object shown = TRY(AsKept(object));
  shown.metadata().resource_version = revision;
  // In a dry run a client may have sent anything as that of a new object: only digits are spliced
  // in.
  if (IsNumber(revision)) return TextOf(shown);
  if (shown.is_custom()) return PlainText(shown.kind(), shown.ToDocument());
  std::string text;
  AppendStruct(*shown.kind().type, shown.raw(), text);
  return text;
}

Error NoUniqueName(Error error, const KindInfo& kind, const std::string& name) {
  const bool is_going = error.message.starts_with(kBeingDeleted);
  // The resource as it was asked for, in the group of the kind that all versions are turned into.
  const GroupResource what{StorageKindOf(kind).group, kind.resource};
  error.message = (is_going ? std::string(kBeingDeleted) : "") + what.Text() + " " + Quoted(name) +
                  " already exists, the server was not able to generate a unique name for the "
                  "object";
  if (error.details) error.details->retry_after_s = 1;
  return error;
}

// Whoever makes a new object what it is, a client or one of the plugins: it is new, nobody deletes
// it, and it comes to be where its maker may make objects.
Result<> KeepNew(const std::string& space, Object& object) {
  meta_v1::ObjectMeta& meta = object.metadata();
  TRY(KeepToNamespace(space, meta));
  meta.deletion_timestamp.reset();
  meta.deletion_grace_period_seconds.reset();
  meta.self_link.clear();
  return {};
}

// Puts down who writes what of a new object.
Result<> TrackNew(const ApiRequest& request, const WriteOptions& options, Object& object) {
  const Rules& rules = *object.kind().behaviour->rules;
  if (!rules.show_owned) return TrackFields("", request, options, nullptr, object);
  Object shown = object.Clone();
  rules.show_owned(shown.raw());
  TRY(TrackFields("", request, options, nullptr, shown));
  object.metadata().managed_fields = std::move(shown.metadata().managed_fields);
  return {};
}

TimePoint WholeSeconds(TimePoint point) {
  return std::chrono::time_point_cast<std::chrono::seconds>(point);
}

}  // namespace

Result<> ObjectWriter::Check(Object& object, Object* old, const UpdateMode& mode,
                             std::vector<std::string>& warnings) {
  const KindInfo& kind = object.kind();
  const Rules& rules = *kind.behaviour->rules;
  const crd::RuleClockScope clock(parts_.rule_clock);
  Violations wrong(object.empty_lists());
  if (old != nullptr) {
    CheckMetadataUpdate(object, *old, mode.subresource, wrong);
  } else if (!rules.metadata_last) {
    CheckMetadata(object, rules.validate_name, wrong);
  }
  const TypeMeta* misnamed = mode.subresource == "status" ? nullptr : object.misnamed();
  if (mode.validate) {
    mode.validate(object, *old, wrong);
  } else if (misnamed != nullptr) {
    CheckKindNames(object, wrong);
  } else if (const RuntimeKind* runtime = RuntimeKindOf(kind); runtime && runtime->custom) {
    const JudgedDocument document(object);
    std::optional<JudgedDocument> before;
    if (old != nullptr) before.emplace(*old);
    runtime->custom->Validate(*document, before ? &**before : nullptr, mode.subresource, wrong,
                              warnings);
  } else if (old == nullptr) {
    if (rules.validate) rules.validate(object.raw(), wrong);
  } else if (mode.subresource == "status") {
    if (rules.validate_status_update) {
      rules.validate_status_update(object.raw(), old->raw(), wrong);
    }
  } else if (rules.validate_update) {
    rules.validate_update(object.raw(), old->raw(), wrong);
  }
  // Whatever a kind thinks of names, they have to fit into a path.
  if (old == nullptr && wrong.empty()) {
    ValidateObjectMeta(object.metadata(), kind.namespaced, &NameIsPathSegment,
                       FieldPath("metadata"), wrong);
  }
  if (wrong.empty()) return {};
  if (misnamed != nullptr) {
    const std::string_view group = GroupPart(misnamed->api_version);
    return Fail(wrong.ToError(group, misnamed->kind, object.metadata().name));
  }
  // An error names the group of the kind that all versions are turned into.
  return Fail(wrong.ToError(StorageKindOf(kind).group, kind.kind, object.metadata().name));
}

Result<Saved> ObjectWriter::CreateNamed(ApiRequest& request, Object& object,
                                        const std::string& sent_name, const WriteOptions& options,
                                        Grounds grounds, const AnswerSaved& later) {
  const KindInfo& kind = object.kind();
  const Rules& rules = *kind.behaviour->rules;
  if (rules.prepare_create) {
    rules.prepare_create(object.raw());
  } else {
    ClearStatusOf(object);
  }
  if (rules.stamp) rules.stamp(object.raw(), nullptr, request.now);
  auto reservation = TRY(parts_.allocations.Reserve(object, nullptr, options.dry_run));
  TRY(Check(object, nullptr, {}, request.warnings));
  AddWarnings(object, nullptr, "", request);
  const std::optional<Json> options_document = MoreThanDefault(options, "CreateOptions");
  AdmissionRequest admission = AdmissionOf(request, Operation::kCreate, kind);
  admission.namespace_name = object.metadata().namespace_;
  admission.name = sent_name.empty() ? object.metadata().name : sent_name;
  admission.dry_run = options.dry_run;
  admission.object = &object;
  admission.options = options_document ? &*options_document : nullptr;
  bool booked = false;
  admission.booked = &booked;
  TRY(parts_.admission.Validate(admission));
  TRY(CheckTime(request));
  const std::string key = KeyOf(kind, object.metadata().namespace_, object.metadata().name);
  const auto already_exists = [&] {
    Error exists = AlreadyExistsError(GroupResourceOf(kind), object.metadata().name);
    const auto record = parts_.store.Get(key);
    const auto there = record ? ObjectOf(kind, **record) : Result<Object>(Fail(exists));
    if (there && there->metadata().deletion_timestamp) {
      exists.message = std::string(kBeingDeleted) + exists.message;
    }
    return Fail(exists);
  };
  if (options.dry_run) {
    const auto there = parts_.store.Get(key);
    if (there) return already_exists();
    if (there.error().reason != Reason::kNotFound) return Fail(there.error());
    const std::string& shown = object.metadata().resource_version;
    return Saved {
      .kind = &kind, .text = TRY(TextAt(object, shown))
      , .created = true
    };
  }
  // The store alone minds a version, last of all; one that is no number counts for none.
  if (ParseResourceVersion(object.metadata().resource_version).value_or(0) != 0) {
    return Fail(PlainError("resourceVersion should not be set on objects to be created"));
  }
  object.metadata().resource_version.clear();
  Write first{.key = key, .expect = {.kind = Precondition::Kind::kAbsent}};
  for (const Ground& ground : grounds) first.relies_on.push_back({ground.key, ground.modified});
  std::optional<StoredObject> encoded;
  if (LeaveWrite(request, later, booked || reservation, std::move(first), object,
                 {.kind = &kind, .text = {}, .revision = {}, .created = true}, encoded)) {
    return LeftToWrite();
  }
  const auto put = [&](const std::vector<Unchanged>& relies_on) {
    return PutObject(parts_.store, key, {.kind = Precondition::Kind::kAbsent}, object,
                     std::exchange(encoded, std::nullopt), relies_on);
  };
  const auto written = PutOn(parts_.store, grounds, object, put);
  if (!written) {
    if (written.error().reason != Reason::kAlreadyExists) return Fail(written.error());
    return already_exists();
  }
  if (reservation) reservation->Keep();
  Saved saved{.kind = &kind, .text = {}, .revision = written->revision, .created = true};
  TRY(ShowKept(request, *written->record, object, saved));
  return saved;
}

Result<Saved> ObjectWriter::Create(ApiRequest& request, Object object, const WriteOptions& options,
                                   const AnswerSaved& later) {
  const KindInfo& kind = object.kind();
  TRY(CheckDefaults(object, nullptr));
  const std::string space = kind.namespaced ? object.metadata().namespace_ : "";
  TRY(KeepNew(space, object));
  object.metadata().creation_timestamp = Time(WholeSeconds(parts_.clock.Now()));
  object.metadata().uid = parts_.random.Uid();
  DropOwnersTwiceNamed(object, request, false);
  SetDefaults(object);
  // What admission and the server itself add belongs to nobody.
  if (!options.is_apply) TRY(TrackNew(request, options, object));
  Grounds grounds;
  AddDefinition(object, grounds);
  const std::optional<Json> options_document = MoreThanDefault(options, "CreateOptions");
  AdmissionRequest admission = AdmissionOf(request, Operation::kCreate, kind);
  admission.namespace_name = object.metadata().namespace_;
  admission.name = object.metadata().name;
  admission.dry_run = options.dry_run;
  admission.object = &object;
  admission.options = options_document ? &*options_document : nullptr;
  admission.grounds = &grounds;
  const std::string sent_name = object.metadata().name;
  TRY(parts_.admission.Admit(admission));
  TRY(CheckDefaults(object, nullptr));
  TRY(KeepNew(space, object));
  SetDefaults(object);
  DropOwnersTwiceNamed(object, request, true);
  // Not sooner: a webhook may have made another object of it, with metadata of its own.
  meta_v1::ObjectMeta& meta = object.metadata();
  if (!meta.name.empty() || meta.generate_name.empty()) {
    auto saved = CreateNamed(request, object, sent_name, options, grounds, later);
    const bool taken = !saved && saved.error().reason == Reason::kAlreadyExists;
    if (!taken || meta.generate_name.empty()) return saved;
    return Fail(NoUniqueName(saved.error(), kind, meta.name));
  }
  // What a try took for the object, and gave back with its name, the next one does not ask for.
  std::optional<Object> sent;
  if (parts_.allocations.Owns(kind)) sent = object.Clone();
  for (int tries = 0;; ++tries) {
    if (tries > 0 && sent) object = sent->Clone();
    std::string& name = object.metadata().name;
    const std::string& prefix = object.metadata().generate_name;
    name = kind.behaviour->keeps_generate_name ? prefix
                                               : NameFromPrefix(prefix, parts_.random.NameSuffix());
    auto saved = CreateNamed(request, object, sent_name, options, grounds, later);
    if (saved || saved.error().reason != Reason::kAlreadyExists) return saved;
    if (tries + 1 < kNameTriesMax) continue;
    return Fail(NoUniqueName(saved.error(), kind, object.metadata().name));
  }
}

namespace {

// What no update changes, whoever asks.
void KeepSystemFields(Object& object, const Object& old) {
  meta_v1::ObjectMeta& meta = object.metadata();
  const meta_v1::ObjectMeta& before = old.metadata();
  if (meta.uid.empty()) meta.uid = before.uid;
  if (!object.kind().namespaced) meta.namespace_.clear();
  meta.creation_timestamp = before.creation_timestamp;
  if (before.deletion_timestamp) meta.deletion_timestamp = before.deletion_timestamp;
  if (!meta.deletion_grace_period_seconds) {
    meta.deletion_grace_period_seconds = before.deletion_grace_period_seconds;
  }
}

void Prepare(Object& object, const Object& old, const UpdateMode& mode) {
  object.metadata().generation = old.metadata().generation;
  const Rules& rules = *object.kind().behaviour->rules;
  if (mode.prepare) {
    mode.prepare(object, old);
  } else if (mode.subresource == "status") {
    if (rules.prepare_status_update) {
      rules.prepare_status_update(object.raw(), old.raw());
    } else {
      KeepAllButStatus(object, old);
    }
  } else if (rules.prepare_update) {
    rules.prepare_update(object.raw(), old.raw());
  } else {
    KeepStatusOf(object, old);
  }
}

void Stamp(Object& object, const Object& old, TimePoint now) {
  const Rules& rules = *object.kind().behaviour->rules;
  if (rules.stamp) rules.stamp(object.raw(), old.raw(), now);
}

// The last finalizer of an object that is being deleted has gone.
bool IsFinished(const Object& object, const Object& old) {
  const meta_v1::ObjectMeta& before = old.metadata();
  if (!before.deletion_timestamp || !object.metadata().finalizers.empty()) return false;
  if (before.deletion_grace_period_seconds.value_or(0) != 0) return false;
  // A namespace has finalizers of its own.
  const auto* space = object.As<core_v1::Namespace>();
  return space == nullptr || space->spec.finalizers.empty();
}

Result<> CheckVersion(const Object& object, const Object& old, const UpdateMode& mode) {
  const KindInfo& kind = object.kind();
  const std::string& given = object.metadata().resource_version;
  const uint64_t version = TRY(ParseResourceVersion(given));
  if (version == 0) {
    if (!mode.is_put || mode.subresource == "scale") return {};
    if (kind.behaviour->rules->allow_unconditional_update) return {};
    return Fail(NoVersionError(kind, object.metadata().name));
  }
  if (given == old.metadata().resource_version) return {};
  return Fail(ModifiedError(GroupResourceOf(kind), object.metadata().name));
}

// Whoever sends back an object that he has read means that one, and no other of its name; nor is it
// made anew where it is gone.
Result<> CheckSentUid(const KindInfo& kind, std::string_view name, std::string_view key,
                      std::string_view given, std::string_view actual) {
  if (given.empty() || given == actual) return {};
  return Fail(StaleObjectError(GroupResourceOf(kind), name, key, UidMismatch(given, actual)));
}

// Asks while the request shows these bodies, and no longer: they go before it does.
template <typename Question>
Result<> Showing(ShownBodies& shown, AdmissionRequest& admission, const Question& ask) {
  admission.body = &shown.now;
  admission.old_body = &shown.before;
  const Result<> answer = ask();
  admission.body = nullptr;
  admission.old_body = nullptr;
  return answer;
}

}  // namespace

Result<> ObjectWriter::AdmitUpdate(AdmissionRequest& admission, const UpdateMode& mode,
                                   Object& object, const Object& old) {
  // What a patch was made into is shown as of the version that it was made from. That is nobody's
  // condition: should another be faster, the patch is made again.
  const std::string& version = old.metadata().resource_version;
  const bool lent = mode.is_patch && object.metadata().resource_version.empty();
  if (lent) object.metadata().resource_version = version;
  if (mode.shown_as) {
    ShownBodies shown = TRY(mode.shown_as(object, old));
    const Json sent = shown.now;
    TRY(Showing(shown, admission, [&] { return parts_.admission.Admit(admission); }));
    if (shown.now != sent) object = TRY(mode.taken_from(object, shown.now));
  } else {
    TRY(parts_.admission.Admit(admission));
  }
  if (lent && object.metadata().resource_version == version) {
    object.metadata().resource_version.clear();
  }
  return KeepToNamespace(old.metadata().namespace_, object.metadata());
}

Result<> ObjectWriter::ValidateUpdate(AdmissionRequest& admission, const UpdateMode& mode,
                                      const Object& object, const Object& old) {
  if (!mode.judged_as) return parts_.admission.Validate(admission);
  ShownBodies shown = TRY(mode.judged_as(object, old));
  return Showing(shown, admission, [&] { return parts_.admission.Validate(admission); });
}

// One try: what was found, what becomes of it, and what is held for it until it is written.
struct ObjectWriter::UpdateTry {
  const RecordPtr& record;
  Object old;
  Object object;
  std::unique_ptr<Reservation> reservation;
  bool conditional = false;  // A conflict is the client's: it named the version it had.
  bool booked = false;       // Admission holds something until the write is over.
};

Result<> ObjectWriter::Judge(ApiRequest& request, const WriteOptions& options,
                             const UpdateMode& mode, UpdateTry& attempt) {
  Object& object = attempt.object;
  Object& old = attempt.old;
  TRY(CheckDefaults(object, &old));
  if (mode.is_put) DropOwnersTwiceNamed(object, request, false);
  SetDefaults(object);
  if (!mode.keeps_managed_fields) {
    TRY(TrackFields(mode.subresource, request, options, &old, object));
    // Of what is of no version that there is nobody is told to own anything.
    if (!HasOwners(object)) object.metadata().managed_fields.clear();
  }
  const std::optional<Json> options_document = MoreThanDefault(options, "UpdateOptions");
  AdmissionRequest admission =
      AdmissionOf(request, Operation::kUpdate, *request.kind, mode.subresource);
  admission.namespace_name = old.metadata().namespace_;
  admission.name = old.metadata().name;
  admission.dry_run = options.dry_run;
  admission.object = &object;
  admission.old_object = &old;
  admission.options = options_document ? &*options_document : nullptr;
  if (!mode.skip_admission) TRY(AdmitUpdate(admission, mode, object, old));
  TRY(CheckDefaults(object, &old));
  SetDefaults(object);
  DropOwnersTwiceNamed(object, request, true);
  attempt.conditional = mode.check_version && !object.metadata().resource_version.empty();
  if (mode.check_version) TRY(CheckVersion(object, old, mode));
  Prepare(object, old, mode);
  KeepSystemFields(object, old);
  object.metadata().resource_version = old.metadata().resource_version;
  Stamp(object, old, request.now);
  // A status takes nothing, and is written whatever has become of what there is to take.
  if (mode.subresource.empty()) {
    attempt.reservation = TRY(parts_.allocations.Reserve(object, &old, options.dry_run));
  }
  TRY(Check(object, &old, mode, request.warnings));
  AddWarnings(object, &old, mode.subresource, request);
  admission.booked = &attempt.booked;
  if (!mode.skip_admission) TRY(ValidateUpdate(admission, mode, object, old));
  return CheckTime(request);
}

Result<std::optional<Saved>> ObjectWriter::Put(ApiRequest& request, UpdateTry& attempt, Saved saved,
                                               const AnswerSaved& later) {
  const RecordPtr& record = attempt.record;
  Object& object = attempt.object;
  const Precondition unchanged{.kind = Precondition::Kind::kRevision, .revision = record->modified};
  std::optional<StoredObject> encoded;
  if (!saved.deleted && LeaveWrite(request, later, attempt.booked || attempt.reservation,
                                   {.key = record->key, .expect = unchanged, .read = record},
                                   object, saved, encoded)) {
    return LeftToWrite();
  }
  if (IsVoid()) return Fail(WouldWait());
  auto written = saved.deleted
                     ? parts_.store.Apply({.key = record->key, .expect = unchanged})
                     : PutObject(parts_.store, record->key, unchanged, object, std::move(encoded));
  if (!written) {
    const Reason reason = written.error().reason;
    if (reason != Reason::kConflict && reason != Reason::kNotFound) return Fail(written.error());
    if (attempt.conditional && reason == Reason::kConflict) {
      return Fail(ModifiedError(GroupResourceOf(*request.kind), attempt.old.metadata().name));
    }
    return std::nullopt;  // Somebody was faster: again, from what is there now.
  }
  if (attempt.reservation) attempt.reservation->Keep();
  saved.revision = written->revision;
  if (saved.deleted) {
    parts_.allocations.Release(object);
    saved.text = TRY(TextAt(object, std::to_string(written->revision.value)));
  } else {
    TRY(ShowKept(request, *written->record, object, saved));
  }
  return saved;
}

Result<std::optional<Saved>> ObjectWriter::TryUpdate(ApiRequest& request, const RecordPtr& record,
                                                     const WriteOptions& options,
                                                     const UpdateMode& mode,
                                                     const Transform& transform,
                                                     const AnswerSaved& later) {
  const KindInfo& kind = *request.kind;
  Object found = TRY(ObjectOf(kind, *record));
  Object made = TRY(transform(found));
  UpdateTry attempt{.record = record, .old = std::move(found), .object = std::move(made)};
  Object& object = attempt.object;
  Object& old = attempt.old;
  if (mode.is_put) {
    const std::string_view key = options.dry_run ? KeyAboveStore(record->key) : record->key;
    TRY(CheckSentUid(kind, old.metadata().name, key, object.metadata().uid, old.metadata().uid));
  }
  TRY(Judge(request, options, mode, attempt));
  if (!options.dry_run) object.metadata().self_link.clear();  // A store keeps none.
  Saved saved{.kind = &kind, .text = {}, .revision = record->modified};
  saved.deleted = IsFinished(object, old);
  if (!saved.deleted && !mode.always_changes && !parts_.store.IsSealedAnew(*record) &&
      IsUnchanged(*record, old, object)) {
    saved.unchanged = true;
    TRY(ShowKept(request, *record, old, saved));
    return saved;
  }
  if (options.dry_run) {
    saved.text = TRY(TextAt(object, old.metadata().resource_version));
    return saved;
  }
  return Put(request, attempt, std::move(saved), later);
}

Result<Saved> ObjectWriter::Update(ApiRequest& request, const std::string& name,
                                   const WriteOptions& options, const UpdateMode& mode,
                                   const Transform& transform, const Make& make,
                                   const AnswerSaved& later) {
  const KindInfo& kind = *request.kind;
  const std::string key = KeyOf(kind, request.info.namespace_name, name);
  for (int tries = 0; tries < kUpdateTriesMax; ++tries) {
    const auto record = parts_.store.Get(key);
    if (!record && record.error().reason != Reason::kNotFound) return Fail(record.error());
    if (!record) {
      if (!mode.create_if_missing || !make) {
        return Fail(NotFoundError(GroupResourceOf(kind), name));
      }
      Object object = TRY(make());
      if (mode.is_put) {
        const std::string_view shown = options.dry_run ? KeyAboveStore(key) : key;
        TRY(CheckSentUid(kind, name, shown, object.metadata().uid, ""));
      }
      auto saved = Create(request, std::move(object), options, later);
      if (saved || saved.error().reason != Reason::kAlreadyExists) return saved;
      continue;
    }
    const size_t warnings = request.warnings.size();
    auto saved = TRY(TryUpdate(request, *record, options, mode, transform, later));
    if (saved) return std::move(*saved);
    request.warnings.resize(warnings);  // The next try words its own.
  }
  return Fail(ModifiedError(GroupResourceOf(kind), name));
}

}  // namespace skiff
