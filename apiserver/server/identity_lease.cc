#include "apiserver/server/identity_lease.h"

#include <fmt/format.h>

#include "api/gen/coordination_v1.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/storage/keys.h"
#include "apiserver/storage/record_header.h"
#include "apiserver/tokens/server_identity.h"

namespace skiff {
namespace {

using coordination_v1::Lease;

constexpr char kLeaseSpace[] = "kube-system";
constexpr char kIdentityLabel[] = "apiserver.kubernetes.io/identity";
constexpr char kServerProgram[] = "kube-apiserver";
constexpr char kLeasesPath[] = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
constexpr int kIsMissing = 404, kIsChanged = 409;
// After a failure it is tried again.
constexpr Duration kTryAgain = 7s;
constexpr size_t kCollectBytesAtOnce = 1 << 20;

http::Request LeaseRequest(std::string method, std::string path) {
  http::Request request;
  request.method = std::move(method);
  request.path = std::move(path);
  request.headers.emplace("User-Agent", kServerProgram);
  return request;
}

std::string PathOf(const std::string& lease) {
  return fmt::format("{}/{}", kLeasesPath, lease);
}

bool HasRunOut(const coordination_v1::LeaseSpec& spec, TimePoint now) {
  // Servers say both.
  if (!spec.renew_time || !spec.lease_duration_seconds) return true;
  return spec.renew_time->PlusSeconds(*spec.lease_duration_seconds) < Time(now);
}

}  // namespace

IdentityLease::IdentityLease(Store& store, const Clock& clock, Random& random, std::string host,
                             Ask ask)
    : store_(store),
      clock_(clock),
      host_(std::move(host)),
      name_(ServerIdentityOf(host_)),
      holder_(name_ + "_" + random.Uid()),
      ask_(std::move(ask)),
      news_(clock) {}

Result<http::Response> IdentityLease::Asked(http::Request request, int expected) const {
  http::Response answer = ask_(request);
  if (answer.status < 400 || answer.status == expected) return answer;
  return Fail(Reason::kInternalError, fmt::format("{}: {}", request.path, answer.body));
}

Result<> IdentityLease::Begin() {
  if (begun_) return {};
  TRY(Asked(LeaseRequest("DELETE", PathOf(name_)), kIsMissing));
  begun_ = true;
  return {};
}

Result<> IdentityLease::Create() {
  http::Request request = LeaseRequest("POST", kLeasesPath);
  request.body =
      Json{{"apiVersion", "coordination.k8s.io/v1"},
           {"kind", "Lease"},
           {"metadata",
            {{"name", name_},
             {"namespace", kLeaseSpace},
             {"labels", {{kIdentityLabel, kServerProgram}, {"kubernetes.io/hostname", host_}}}}},
           {"spec",
            {{"holderIdentity", holder_},
             {"leaseDurationSeconds", kLasts / 1s},
             {"renewTime", Time(clock_.Now()).Rfc3339Micro()}}}}
          .dump();
  // Another server of this machine's name was faster: it is renewed next time.
  TRY(Asked(std::move(request), kIsChanged));
  return {};
}

// Who holds it stays, as does what others have added.
Result<> IdentityLease::Renew() {
  http::Request request = LeaseRequest("PATCH", PathOf(name_));
  request.headers.emplace("Content-Type", "application/merge-patch+json");
  request.body =
      Json{{"metadata",
            {{"labels", {{kIdentityLabel, kServerProgram}, {"kubernetes.io/hostname", host_}}}}},
           {"spec",
            {{"leaseDurationSeconds", kLasts / 1s},
             {"renewTime", Time(clock_.Now()).Rfc3339Micro()}}}}
          .dump();
  const http::Response answer = TRY(Asked(std::move(request), kIsMissing));
  return answer.status == kIsMissing ? Create() : Result<>();
}

Result<> IdentityLease::Collect() {
  const KindInfo& kind = Lease::Info();
  const auto is_of_a_server = [](const Record& record) {
    const auto view = ObjectView::Of(record);
    return view && view->label(kIdentityLabel) == kServerProgram;
  };
  const auto leases = TRY(store_.OpenList(
      {.prefix = StorePrefix(kind.storage_key, kLeaseSpace), .filter = is_of_a_server}));
  // One that cannot be removed keeps no other. Whoever may write there may have made many.
  Result<> all;
  std::vector<RecordPtr> records;
  for (bool more = true; more;) {
    records.clear();
    more = TRY(leases->Next(kCollectBytesAtOnce, records));
    for (const RecordPtr& record : records) {
      const auto object = ObjectOf(kind, *record);
      if (!object || !HasRunOut(object->As<Lease>()->spec, clock_.Now())) continue;
      const Result<> removed = Remove(object->metadata(), record->modified);
      if (all && !removed) all = removed;
    }
  }
  return all;
}

Result<> IdentityLease::Remove(const meta_v1::ObjectMeta& lease, Revision as_of) {
  http::Request request = LeaseRequest("DELETE", PathOf(lease.name));
  // One that is renewed at this moment stays.
  request.body = Json{{"kind", "DeleteOptions"},
                      {"apiVersion", "v1"},
                      {"preconditions",
                       {{"uid", lease.uid}, {"resourceVersion", std::to_string(as_of.value)}}}}
                     .dump();
  http::Response answer = ask_(request);
  if (answer.status == kIsMissing || answer.status == kIsChanged) return {};
  if (answer.status >= 400) return Fail(Reason::kInternalError, std::move(answer.body));
  log_.Info("lease of a server that is gone removed", {{"lease", lease.name}});
  return {};
}

Duration IdentityLease::Step() {
  if (withdrawn_) return kNever;
  // One that cannot be removed is renewed.
  const Result<> begun = Begin();
  Result<> done = Renew();
  if (done) done = begun;
  const Duration now = clock_.Monotonic();
  if (now >= collect_at_) {
    const Result<> collected = Collect();
    if (done) done = collected;
    collect_at_ = now + kCollectEvery;
  }
  // It ended while this was written.
  if (withdrawn_) {
    RemoveOwn();
    return kNever;
  }
  const ObjectKey key{kLeaseSpace, name_};
  if (done) {
    news_.Forget(key);
    return kPeriod;
  }
  if (news_.IsNew(key, done.error().message)) {
    log_.Error("leases of servers not kept", {{"error", done.error().message}});
  }
  return kTryAgain;
}

void IdentityLease::Withdraw() {
  if (withdrawn_.exchange(true)) return;
  RemoveOwn();
}

void IdentityLease::RemoveOwn() {
  const KindInfo& kind = Lease::Info();
  const auto record = store_.GetAny(KeyOf(kind, kLeaseSpace, name_));
  if (!record) return;
  const auto lease = ObjectOf(kind, **record);
  if (!lease || lease->As<Lease>()->spec.holder_identity != holder_) return;
  // What fails runs out by itself.
  (void)store_.Apply(
      {.key = (*record)->key,
       .expect = {.kind = Precondition::Kind::kRevision, .revision = (*record)->modified}});
}

}  // namespace skiff
