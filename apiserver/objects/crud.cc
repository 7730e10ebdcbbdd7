#include "apiserver/objects/crud.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "api/codec/handed.h"
#include "api/kinds/behaviour.h"
#include "api/rules/rules.h"
#include "apiserver/auth/authorizer.h"
#include "apiserver/objects/custom_body.h"
#include "apiserver/objects/former_namespace.h"
#include "apiserver/objects/list_answer.h"
#include "apiserver/objects/patch_type.h"
#include "apiserver/objects/patching.h"
#include "apiserver/objects/reader.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/body.h"
#include "apiserver/request/list_form.h"
#include "apiserver/request/object_response.h"
#include "apiserver/request/respond.h"
#include "apiserver/request/routes.h"
#include "apiserver/storage/keys.h"
#include "apiserver/storage/record_header.h"

namespace skiff {
namespace {

// The namespace of the URL is that of the object.
Result<> MatchNamespace(const ApiRequest& request, Object& object) {
  if (!request.kind->namespaced) return {};
  std::string& given = object.metadata().namespace_;
  if (given.empty()) given = request.info.namespace_name;
  if (given == request.info.namespace_name) return {};
  return Fail(Reason::kBadRequest,
              "the namespace of the provided object does not match the namespace sent on the "
              "request");
}

Result<Object> DecodeObject(ApiRequest& request, FieldValidation validation) {
  Object object(*request.kind);
  if (object.is_custom()) {
    object = TRY(DecodeCustomBody(request, validation));
  } else if (const void* handed = HandedAs(request.http.handed.get(), *request.kind->type)) {
    object = TRY(Object::FromStruct(*request.kind, handed));
  } else {
    TextNotes notes =
        TRY(DecodeBodyInto(request.http, WantedOf(*request.kind), validation, object.raw()));
    AddStrictWarnings(notes.strict_errors, validation, request);
    object.empty_lists() = std::move(notes.empty_lists);
    if (const std::string why = InconvertibleText(*request.kind, object.raw()); !why.empty()) {
      return Fail(CannotBeHandled(WantedOf(*request.kind), why));
    }
  }
  TRY(MatchNamespace(request, object));
  return object;
}

// A PUT or apply of a missing object creates it, which is another permission.
Result<> MayCreate(Core& core, const ApiRequest& request) {
  Access access = AccessOf(request.info);
  access.verb = "create";
  const Verdict verdict = core.authorizer.Authorize(request.user, access);
  if (verdict.allowed()) return {};
  if (!verdict.error.empty()) return Fail(InternalErrorOf(verdict.error));
  return Fail(ForbiddenAccess(request.user, access, verdict.reason));
}

Result<http::Response> RemovedResponse(const ApiRequest& request, Removed removed,
                                       const DeleteQuery& options, const MediaType& media) {
  const KindInfo& kind = *removed.kind;
  const bool accepted = !removed.gone && options.orphan_dependents == false;
  if (kind.delete_returns_object || (!removed.gone && !removed.pending)) {
    return ObjectResponse(accepted ? 202 : 200, kind, std::move(removed.text), request, media);
  }
  Json details = {{"name", removed.name}, {"kind", kind.resource}, {"uid", removed.uid}};
  if (!kind.group.empty()) details["group"] = kind.group;
  return SuccessResponse(request.http, accepted ? 202 : 200, details);
}

// How an update through this route differs from one of the whole object.
UpdateMode ModeOf(const ApiRequest& request) {
  return request.route->mode == nullptr ? UpdateMode{} : *request.route->mode;
}

Result<http::Response> SavedResponse(const ApiRequest& request, Saved saved,
                                     const MediaType& media) {
  const int code = saved.created ? 201 : 200;
  if (!saved.object) {
    return ObjectResponse(code, *saved.kind, std::move(saved.text), request, media);
  }
  http::Response response;
  response.status = code;
  // The text would end its line.
  response.handed = std::make_shared<HandedObject>(*saved.kind->type, std::move(saved.object),
                                                   saved.text_bytes + 1);
  return response;
}

// The media type that is answered in.
Result<MediaType> Answered(ApiRequest& request) {
  MediaType media = TRY(Negotiate(request.http, OfferOf(request)));
  request.takes_object = request.http.takes_handed && media.IsPlain();
  return media;
}

// How what is saved is answered; null where only a worker may take the time that takes.
AnswerSaved AnswerBy(const ApiRequest& request, const MediaType& media) {
  if (request.late == nullptr || !media.IsPlain()) return nullptr;
  return [&request, media](Saved saved) {
    return SavedResponse(request, std::move(saved), media);
  };
}

}  // namespace

Result<http::Response> HandleGet(Core& core, ApiRequest& request) {
  return GetObject(core.store, *core.components, request);
}

Result<http::Response> HandleList(Core& core, ApiRequest& request) {
  TRY(MayReadPast(core, request));
  return ListObjects({core.store, core.list_jobs, core.outbound, core.components}, request);
}

Result<http::Response> HandleWatch(Core& core, ApiRequest& request) {
  TRY(MayWatchPast(core, request));
  return WatchObjects(core.watch(), request);
}

Result<http::Response> HandleCreate(Core& core, ApiRequest& request) {
  const MediaType media = TRY(Answered(request));
  const WriteOptions options = TRY(ParseWriteOptions(request.http, "CreateOptions"));
  Object object = TRY(DecodeObject(request, options.validation));
  TRY(CheckTakesNew(*request.kind, object.metadata().name));
  Saved saved = TRY(
      core.writer.Create(request, std::move(object), options, AnswerBy(request, media)));
  return SavedResponse(request, std::move(saved), media);
}

Result<http::Response> HandlePut(Core& core, ApiRequest& request) {
  UpdateMode mode = ModeOf(request);
  const MediaType media = TRY(Answered(request));
  const WriteOptions options = TRY(ParseWriteOptions(request.http, "UpdateOptions"));
  std::optional<Object> sent = TRY(DecodeObject(request, options.validation));
  TRY(MatchName(sent->metadata().name, request.info.name));
  // The first try takes what was sent, and is nearly always the only one: another reads it again.
  const auto take = [&]() -> Result<Object> {
    if (!sent) return DecodeObject(request, FieldValidation::kIgnore);
    return std::exchange(sent, std::nullopt).value();
  };
  const Rules& rules = *request.kind->behaviour->rules;
  mode.is_put = true;
  mode.create_if_missing = mode.subresource.empty() && rules.allow_create_on_update;
  const auto transform = [&](const Object&) { return take(); };
  const auto make = [&]() -> Result<Object> {
    TRY(MayCreate(core, request));
    Object made = TRY(take());
    made.metadata().resource_version.clear();  // Of an object that is gone.
    return made;
  };
  Saved saved = TRY(core.writer.Update(request, request.info.name, options, mode, transform, make,
                                       AnswerBy(request, media)));
  return SavedResponse(request, std::move(saved), media);
}

Result<http::Response> HandlePatch(Core& core, ApiRequest& request) {
  UpdateMode mode = ModeOf(request);
  TRY(CheckPatchType(request));
  const MediaType media = TRY(Answered(request));
  const bool is_apply = IsApply(request);
  const WriteOptions options = TRY(ParseWriteOptions(request.http, "PatchOptions", is_apply));
  mode.is_patch = true;
  mode.create_if_missing = is_apply && mode.subresource.empty();
  mode.keeps_managed_fields = is_apply;
  const Patcher patcher{request, options, mode.subresource, core.clock.Now()};
  const auto transform = [&](const Object& old) { return patcher.Apply(old); };
  const auto make = [&]() -> Result<Object> {
    TRY(MayCreate(core, request));
    Object made = TRY(patcher.Make());
    TRY(CheckTakesNew(*request.kind, request.info.name));
    return made;
  };
  Saved saved = TRY(core.writer.Update(request, request.info.name, options, mode, transform, make,
                                       AnswerBy(request, media)));
  return SavedResponse(request, std::move(saved), media);
}

namespace {

// The classes that the server itself makes stay, unless all go at once.
Result<> CheckMayGo(const ApiRequest& request) {
  const std::string& name = request.info.name;
  if (request.kind->kind != "PriorityClass") return {};
  if (name != "system-node-critical" && name != "system-cluster-critical") return {};
  return Fail(Forbidden(GroupResourceOf(*request.kind), name,
                        "this is a system priority class and cannot be deleted"));
}

}  // namespace

Result<http::Response> HandleDelete(Core& core, ApiRequest& request) {
  const KindInfo& kind = *request.kind;
  const MediaType media = TRY(Negotiate(request.http, OfferOf(request)));
  const DeleteQuery options =
      TRY(ParseDeleteOptions(request.http, request.info.group, request.info.version));
  TRY(CheckMayGo(request));
  const std::string_view orphaning = kind.behaviour->orphaning_warning;
  if (options.propagation == Propagation::kUnset && !options.orphan_dependents &&
      !orphaning.empty()) {
    request.warnings.emplace_back(orphaning);
  }
  const AnswerRemoved answer = [&request, media, options](Removed removed) {
    return RemovedResponse(request, std::move(removed), options, media);
  };
  const bool may_leave = request.late != nullptr && media.IsPlain();
  return answer(TRY(core.remover.Delete(request, request.info.namespace_name, request.info.name,
                                        options, may_leave ? answer : nullptr)));
}

namespace {

// Of a collection that is deleted, so much is held at one time: of what is read, and of what is
// shown.
constexpr size_t kReadBytes = 4 << 20;
constexpr size_t kShownBytesMax = 16 << 20;

// The objects of a collection as they were. Few are kept as text; of more it is known which version
// of the list they were, and that is read again as it is sent.
class ShownCollection {
 public:
  Result<> Add(const KindInfo& kind, const std::vector<RecordPtr>& records) {
    for (const RecordPtr& record : records) {
      if (bytes_ > kShownBytesMax) break;
      items_.push_back(TRY(TextOf(kind, *record)));
      bytes_ += items_.back().size();
    }
    if (bytes_ > kShownBytesMax) items_.clear();
    return {};
  }
  // `asked`: what was deleted. `meta`: of its last page.
  Result<http::Response> Answer(Core& core, const ApiRequest& request, const MediaType& media,
                                ListQuery asked, const ListMeta& meta) const {
    // Nobody in this process wants more than to know that they are gone.
    if (bytes_ <= kShownBytesMax || request.http.remote_address.empty()) {
      return ListResponse(*request.kind, items_, meta, request, media);
    }
    if (asked.continue_token.empty()) {
      asked.resource_version = meta.resource_version;
      asked.match = VersionMatch::kExact;
    } else {
      ContinueToken token = TRY(DecodeContinue(asked.continue_token));
      token.revision = static_cast<int64_t>(TRY(ParseResourceVersion(meta.resource_version)));
      asked.continue_token = EncodeContinue(token);
    }
    auto answer = ListBy({core.store, core.list_jobs, core.outbound}, request, media, asked);
    const bool is_compacted = !answer && answer.error().reason == Reason::kExpired;
    return is_compacted ? ListResponse(*request.kind, {}, meta, request, media) : std::move(answer);
  }

 private:
  std::vector<std::string> items_;
  size_t bytes_ = 0;
};

}  // namespace

Result<http::Response> HandleDeleteCollection(Core& core, ApiRequest& request) {
  constexpr int64_t kPageItems = 10'000;
  TRY(MayReadPast(core, request));
  const KindInfo& kind = *request.kind;
  const MediaType media = TRY(Negotiate(request.http, OfferOf(request)));
  const DeleteQuery options =
      TRY(ParseDeleteOptions(request.http, request.info.group, request.info.version));
  const ListQuery asked = TRY(ParseListOptions(request.http, kind, false));
  ListQuery wanted = asked;
  const bool one_page = wanted.limit > 0;
  if (!one_page) wanted.limit = kPageItems;
  ShownCollection shown;
  ListMeta meta;
  for (;;) {
    const OpenPage page = TRY(OpenPageOf(core.store, kind, request.info.namespace_name, wanted));
    meta = page.meta;
    std::vector<RecordPtr> records;
    for (bool more = true; more;) {
      records.clear();
      more = TRY(page.records->Next(kReadBytes, records));
      const auto broken = std::ranges::find_if(
          records, [](const RecordPtr& record) { return IsUnreadable(record->value); });
      if (broken != records.end()) return Fail(UnreadableInList(**broken));
      TRY(shown.Add(kind, records));
      TRY(core.remover.DeleteAll(request, records, options));
    }
    if (one_page || page.meta.continue_token.empty()) break;
    wanted.continue_token = page.meta.continue_token;
    wanted.resource_version.clear();
  }
  return shown.Answer(core, request, media, asked, meta);
}

}  // namespace skiff
