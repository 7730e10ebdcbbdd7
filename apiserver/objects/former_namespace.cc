#include "apiserver/objects/former_namespace.h"

#include <fmt/format.h>

#include <optional>

#include "api/gen/core_v1.h"
#include "apiserver/auth/authorizer.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/list_options.h"

namespace skiff {
namespace {

// Whether anything but the present is asked for, in one namespace.
bool MayBeOfThePast(const ApiRequest& request) {
  return request.kind->namespaced && !request.info.namespace_name.empty() &&
         (request.http.Query("resourceVersion") || request.http.Query("continue"));
}

// The namespace of now, where it came to be after that revision; else null, as where there is none:
// then no right in it is left.
Result<RecordPtr> NewerNamespace(Core& core, const ApiRequest& request, Revision at) {
  if (at.value == 0) return nullptr;
  const auto found = core.store.GetAny(
      KeyOf(core_v1::Namespace::Info(), "", request.info.namespace_name));
  if (!found && found.error().reason == Reason::kNotFound) return nullptr;
  RecordPtr record = TRY(found);
  return record->created > at ? record : nullptr;
}

// nullopt: he may, in all namespaces.
std::optional<Error> RefusalEverywhere(Core& core, const ApiRequest& request) {
  Access access = AccessOf(request.info);
  access.namespace_name.clear();
  const Verdict verdict = core.authorizer.Authorize(request.user, access);
  if (verdict.allowed()) return std::nullopt;
  return ForbiddenAccess(request.user, access, verdict.reason);
}

}  // namespace

Result<> MayReadPast(Core& core, const ApiRequest& request) {
  if (!MayBeOfThePast(request)) return {};
  const auto options = ParseListOptions(request.http, *request.kind, false);
  const Revision at = options ? ExactRevision(*options) : Revision{};
  const RecordPtr now = TRY(NewerNamespace(core, request, at));
  if (!now) return {};
  auto refusal = RefusalEverywhere(core, request);
  if (!refusal) return {};
  const auto former = core.store.Get(now->key, at);
  // Where none had the name nothing was in it; of what is not kept the list will say so.
  if (!former && (former.error().reason == Reason::kNotFound ||
                  former.error().reason == Reason::kExpired)) {
    return {};
  }
  if (!former) return Fail(former.error());
  refusal->message += fmt::format(
      ": the namespace \"{}\" of revision {} was another one, of which rights in that of now say "
      "nothing",
      request.info.namespace_name, at.value);
  return Fail(*std::move(refusal));
}

Result<> MayWatchPast(Core& core, const ApiRequest& request) {
  if (!MayBeOfThePast(request)) return {};
  const auto options = ParseListOptions(request.http, *request.kind, true);
  if (!options || options->send_initial_events.value_or(false)) return {};
  const Revision after{ParseResourceVersion(options->resource_version).value_or(0)};
  const RecordPtr now = TRY(NewerNamespace(core, request, after));
  if (!now || !RefusalEverywhere(core, request)) return {};
  return Fail(Reason::kExpired,
              fmt::format("too old resource version: {} ({})", after.value, now->created.value));
}

}  // namespace skiff
