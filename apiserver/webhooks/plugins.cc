// The admission plugins that ask webhooks: those that may change a request one after the other,
// those that may only refuse it all at once.
#include <fmt/format.h>

#include <algorithm>

#include "api/codec/document.h"
#include "api/codec/json.h"
#include "api/kinds/versions.h"
#include "api/patch/patch.h"
#include "apiserver/admission/change_object.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/webhooks/webhooks.h"

namespace skiff {
namespace {

// Who has side effects and does not know better is not asked about what only might be.
Result<> CheckDryRun(const Hook& hook, const AdmissionRequest& request) {
  if (!request.dry_run || hook.takes_dry_run) return {};
  return Fail(Reason::kBadRequest,
              fmt::format("admission webhook {} does not support dry run", Quoted(hook.name)));
}

// `denial`: what the webhook said itself, or null.
tl::unexpected<Error> Refuse(Error error, Json denial, const AdmissionRequest& request) {
  if (denial.is_object() && request.refusal != nullptr) *request.refusal = std::move(denial);
  return Fail(std::move(error));
}

// Of a webhook, among those that are asked of one request: what audit annotations call it.
struct Place {
  const Hook& hook;
  int round = 0;
  size_t index = 0;

  std::string Key() const {
    return fmt::format("webhook.admission.k8s.io/round_{}_index_{}", round, index);
  }
  // The begin of an annotation's value.
  std::string Names() const {
    std::string text = "{\"configuration\":";
    AppendJsonString(hook.configuration, text);
    text += ",\"webhook\":";
    AppendJsonString(hook.name, text);
    return text;
  }
};

void AnnotateMutation(const Place& place, bool changed, const AdmissionRequest& request) {
  if (request.annotations == nullptr) return;
  Annotate(request, "mutation." + place.Key(),
           place.Names() + (changed ? ",\"mutated\":true}" : ",\"mutated\":false}"));
}

void AnnotatePatch(const Place& place, const std::string& patch,
                   const AdmissionRequest& request) {
  if (request.annotations == nullptr || !request.annotates_patches) return;
  Annotate(request, "patch." + place.Key(),
           place.Names() + ",\"patch\":" + patch + ",\"patchType\":\"JSONPatch\"}");
}

Error NoSuchKind(const std::string& version, const std::string& kind) {
  return InternalErrorOf(NoKindRegistered({version, kind}, kRuntimeScheme));
}

// Of a custom resource that its patch made into something that it cannot be.
Error UnfitCustom(const Json& patched, const KindInfo& kind) {
  const std::string version = TextAt(patched, "apiVersion");
  const std::string given = TextAt(patched, "kind");
  if (given.empty()) {
    return InternalErrorOf("Object 'Kind' is missing in '" + DumpJson(patched) + "'");
  }
  if (version.starts_with(std::string(kind.group) + "/")) {
    return PlainError("request to convert CR from an invalid group/version: " + version);
  }
  return PlainError(fmt::format("{}{}, Kind={} is unstructured and is not suitable for converting "
                                "to {}",
                                version.find('/') == version.npos ? "/" : "", version, given,
                                Quoted(kind.api_version)));
}

// What the patched object is of: the kind that was sent, or another version of that.
Result<const KindInfo*> KindOfPatched(const Json& patched, const Webhooks::Sent& sent,
                                      const AdmissionRequest& request) {
  const bool custom = RuntimeKindOf(request.kind) != nullptr;
  std::string version = TextAt(patched, "apiVersion");
  std::string name = TextAt(patched, "kind");
  if (!custom && version.empty()) version = sent.kind->api_version;
  if (!custom && name.empty()) name = sent.kind->kind;
  if (version == sent.kind->api_version && name == sent.kind->kind) return sent.kind;
  const KindInfo* found = sent.served->kinds->FindKind(version, name);
  const auto others = EquivalentKinds(request.kind, request.subresource, *sent.served->kinds);
  const bool fits = found != nullptr && (found->type == request.kind.type ||
                                         std::count(others.begin(), others.end(), found) > 0);
  if (fits && found->resource == request.kind.resource) return found;
  if (custom) return Fail(UnfitCustom(patched, request.kind));
  if (found == nullptr) return Fail(NoSuchKind(version, name));
  return Fail(InternalErrorOf(fmt::format("converting ({}.{}) to ({}.{}): unknown conversion",
                                          found->version, found->kind, request.kind.version,
                                          request.kind.kind)));
}

// The body of a subresource stays what it is.
Result<> CheckBodyKind(const Json& patched, const Json& sent) {
  const std::string version = TextAt(patched, "apiVersion");
  const std::string kind = TextAt(patched, "kind");
  const bool same = (version.empty() || version == TextAt(sent, "apiVersion")) &&
                    (kind.empty() || kind == TextAt(sent, "kind"));
  if (same) return {};
  return Fail(NoSuchKind(version, kind));
}

// Whether it says of what kind it is, or nothing of that, in texts.
Result<> CheckSaysItsKind(const Json& patched) {
  const auto meta = TypeMetaOf(patched);
  if (meta && patched.is_object()) {
    if (std::count(meta->api_version.begin(), meta->api_version.end(), '/') < 2) return {};
    return Fail(InternalErrorOf("unexpected GroupVersion string: " + meta->api_version));
  }
  return Fail(InternalErrorOf("couldn't get version/kind; json parse error: " +
                              (meta ? "" : meta.error().message)));
}

// Whether the request itself has just changed who manages a field of an object that is kept in a
// struct. kube-apiserver holds the time of that more finely than JSON can say it, so that there the
// first patch of all changes the object, whatever it says.
bool IsFreshlyManaged(const AdmissionRequest& request) {
  if (RuntimeKindOf(request.kind) != nullptr || request.reinvocation.rewritten) return false;
  const auto& entries = request.object->metadata().managed_fields;
  if (request.old_object == nullptr) return !entries.empty();
  const auto& before = request.old_object->metadata().managed_fields;
  return std::any_of(entries.begin(), entries.end(), [&](const auto& entry) {
    return std::find(before.begin(), before.end(), entry) == before.end();
  });
}

// What a custom resource is called where its patch made another kind of it: it is called again what
// it is. That is judged when it is validated, as if it had been sent so.
std::string TakeMisnomer(const AdmissionRequest& request, Json& patched) {
  std::string name = TextAt(patched, "kind");
  const bool misnamed = RuntimeKindOf(request.kind) && !name.empty() && name != request.kind.kind;
  if (!misnamed) return "";
  patched["kind"] = request.kind.kind;
  return name;
}

// Whether the patch changed anything.
Result<bool> ApplyPatch(const Hook& hook, const JsonPatch& patch, const Webhooks::Sent& sent,
                        AdmissionRequest& request) {
  if (patch.operations.empty()) return false;
  if (request.body == nullptr && request.object == nullptr) {
    return Fail(InternalErrorOf(
        fmt::format("admission webhook {} attempted to modify the object, which is not supported "
                    "for this operation",
                    Quoted(hook.name))));
  }
  auto patched = ApplyJsonPatch(patch, sent.object);
  if (!patched) return Fail(InternalErrorOf(patched.error().message));
  TRY(CheckSaysItsKind(*patched));
  if (request.body != nullptr) {
    TRY(CheckBodyKind(*patched, sent.object));
    const bool changed = *patched != sent.object;
    *request.body = std::move(*patched);
    return changed;
  }
  const KindInfo& kind = request.kind;
  std::string misnomer = TakeMisnomer(request, *patched);
  auto found = KindOfPatched(*patched, sent, request);
  if (!found && !misnomer.empty()) {
    (*patched)["kind"] = misnomer;
    return Fail(UnfitCustom(*patched, kind));
  }
  const KindInfo* given = TRY(std::move(found));
  const bool lacks_defaults = !FillInChanged(*given, kind, *patched);
  const Json document = TRY(DocumentAs(*given, kind, std::move(*patched)));
  const bool fresh = IsFreshlyManaged(request);
  const auto changed = ChangeObject(request, document, lacks_defaults);
  if (!changed) return Fail(InternalErrorOf(changed.error().message));
  if (misnomer.empty()) return fresh || *changed;
  request.object->set_misnamed(
      {.api_version = std::string(kind.api_version), .kind = std::move(misnomer)});
  return true;
}

class MutatingWebhooks final : public AdmissionPlugin, public Admits {
 public:
  explicit MutatingWebhooks(Webhooks* webhooks) : webhooks_(webhooks) {}
  std::string_view name() const override { return "MutatingAdmissionWebhook"; }
  bool Handles(Operation) const override { return webhooks_ != nullptr; }

  Result<> Admit(AdmissionRequest& request) override {
    if (request.own || IsExemptFromAdmission(request.kind)) return {};
    const auto hooks = webhooks_->Mutating();
    if (hooks == nullptr) return DenyUnready(request);
    if (hooks->empty()) return {};
    Reinvocation& again = request.reinvocation;
    // In the second round the plugins before may have changed what the webhooks had left.
    AskedBefore& asked = again.webhooks;
    if (again.again && !asked.called.empty() && TextOfObject(request) != asked.last_output) {
      asked.RequireCalled();
    }
    for (size_t i = 0; i < hooks->size(); ++i) {
      const Hook& hook = *(*hooks)[i];
      if (again.again && !asked.due.contains(hook.id)) continue;
      TRY(AskOne(hook, i, request));
    }
    if (!asked.called.empty()) asked.last_output = TextOfObject(request);
    return {};
  }

 private:
  // The `index`th of all.
  Result<> AskOne(const Hook& hook, size_t index, AdmissionRequest& request) {
    // The one before may have changed it.
    Webhooks::Versions versions(webhooks_->served());
    const Webhooks::SentPtr sent = TRY(webhooks_->Match(hook, request, true, versions));
    if (sent == nullptr) return {};
    const Place place{hook, request.reinvocation.again ? 1 : 0, index};
    const Result<bool> changed = LetChange(place, *sent, request);
    AnnotateMutation(place, changed.value_or(false), request);
    if (!changed) return Fail(changed.error());
    Reinvocation& again = request.reinvocation;
    if (*changed) {
      again.webhooks.RequireCalled();
      again.wanted = true;
    }
    if (hook.reinvoke) again.webhooks.called.insert(hook.id);
    return {};
  }

  // Whether it did.
  Result<bool> LetChange(const Place& place, const Webhooks::Sent& sent,
                         AdmissionRequest& request) {
    const Hook& hook = place.hook;
    TRY(CheckDryRun(hook, request));
    Json denial;
    const auto heard =
        webhooks_->Hear(webhooks_->Ask(hook, request, sent), request, true, denial);
    if (!heard) return Refuse(heard.error(), std::move(denial), request);
    const std::optional<ReviewAnswer>& answer = *heard;
    if (!answer) {
      Annotate(request, "failed-open.mutation." + place.Key(), hook.name);
      return false;
    }
    if (answer->patch.empty()) return false;
    const bool changed = TRY(ApplyPatch(hook, answer->operations, sent, request));
    AnnotatePatch(place, answer->patch, request);
    return changed;
  }

  Webhooks* const webhooks_;
};

class ValidatingWebhooks final : public AdmissionPlugin, public Validates {
 public:
  explicit ValidatingWebhooks(Webhooks* webhooks) : webhooks_(webhooks) {}
  std::string_view name() const override { return "ValidatingAdmissionWebhook"; }
  bool Handles(Operation) const override { return webhooks_ != nullptr; }

  Result<> Validate(const AdmissionRequest& request) override {
    if (request.own || IsExemptFromAdmission(request.kind)) return {};
    const auto hooks = webhooks_->Validating();
    if (hooks == nullptr) return DenyUnready(request);
    if (hooks->empty()) return {};
    const auto served = webhooks_->served();  // Keeps the kinds alive until all have answered.
    std::optional<Error> first;
    auto asked = TRY(AskAll(*hooks, request, Webhooks::Versions(served), first));
    Json first_denial;
    for (size_t i = 0; i < asked.size(); ++i) {
      const Place place{*asked[i].hook, 0, i};
      Json denial;
      const auto answer = webhooks_->Hear(std::move(asked[i]), request, false, denial);
      if (answer && !*answer) {
        Annotate(request, "failed-open.validating." + place.Key(), place.hook.name);
      }
      if (answer || first) continue;
      first = answer.error();
      first_denial = std::move(denial);
    }
    if (first) return Refuse(std::move(*first), std::move(first_denial), request);
    return {};
  }

 private:
  // Asks those that match, once it is known which do. From then on what each is sent is text: no
  // document that it was made of is left. `first` becomes the refusal of one that may not be asked.
  Result<std::vector<Webhooks::Asked>> AskAll(const Hooks& hooks, const AdmissionRequest& request,
                                              Webhooks::Versions versions,
                                              std::optional<Error>& first) {
    std::vector<std::pair<const Hook*, Webhooks::SentPtr>> matching;
    for (const auto& hook : hooks) {
      auto sent = TRY(webhooks_->Match(*hook, request, false, versions));
      if (sent != nullptr) matching.emplace_back(hook.get(), std::move(sent));
    }
    std::vector<Webhooks::Asked> asked;
    for (const auto& [hook, sent] : matching) {
      if (const auto may = CheckDryRun(*hook, request); !may) {
        if (!first) first = may.error();
        continue;
      }
      asked.push_back(webhooks_->Ask(*hook, request, *sent));
    }
    return asked;
  }

  Webhooks* const webhooks_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeMutatingWebhooks(const AdmissionParts& parts) {
  return std::make_unique<MutatingWebhooks>(parts.webhooks);
}

std::unique_ptr<AdmissionPlugin> MakeValidatingWebhooks(const AdmissionParts& parts) {
  return std::make_unique<ValidatingWebhooks>(parts.webhooks);
}

}  // namespace skiff
