#include "apiserver/server/metered_store.h"

#include "apiserver/flow_control/entrance.h"
#include "apiserver/server/server_metrics.h"
#include "base/at_once.h"

namespace skiff {
namespace {

constexpr std::string_view kObjectsRoot = "/registry/";
constexpr std::string_view kList = "list";

std::string_view OperationOf(const Write& write) {
  if (!write.value) return "delete";
  return write.expect.kind == Precondition::Kind::kAbsent ? "create" : "update";
}

// What clients do wrong or lose a race in is no fault of the store.
bool IsFault(const Error& error) {
  switch (error.reason) {
    case Reason::kNotFound:
    case Reason::kAlreadyExists:
    case Reason::kConflict:
    case Reason::kExpired:
    case Reason::kTimeout:
      return false;
    default:
      return true;
  }
}

}  // namespace

MeteredStore::MeteredStore(Store& store, const Clock& clock, MetricRegistry& metrics)
    : store_(store),
      clock_(clock),
      seconds_(metrics.AddHistogram({"etcd_request_duration_seconds",
                                     "[ALPHA] Time that operations on the store took, in seconds.",
                                     {"operation", "group", "resource"}},
                                    RequestSecondsBounds())),
      requests_(metrics.AddCounter({"etcd_requests_total",
                                    "[ALPHA] Operations on the store.",
                                    {"operation", "group", "resource"}})),
      errors_(metrics.AddCounter({"etcd_request_errors_total",
                                  "[ALPHA] Operations on the store that failed.",
                                  {"operation", "group", "resource"}})),
      lists_(metrics.AddCounter({"apiserver_storage_list_total",
                                 "[ALPHA] Lists that were read from the store.",
                                 {"group", "resource"}})) {
  for (const KindInfo* kind : BuiltInKinds()) {
    if (!kind->storage_key.empty()) kinds_.emplace(kind->storage_key, kind);
  }
}

const KindInfo* MeteredStore::KindOfKey(std::string_view key) const {
  if (!key.starts_with(kObjectsRoot)) return nullptr;
  key.remove_prefix(kObjectsRoot.size());
  // A storage key has one or two segments.
  const size_t first = key.find('/');
  if (first == std::string_view::npos) return nullptr;
  const size_t second = std::min(key.find('/', first + 1), key.size());
  for (const size_t end : {second, first}) {
    const auto found = kinds_.find(key.substr(0, end));
    if (found != kinds_.end()) return found->second;
  }
  return nullptr;
}

template <typename Answer>
Answer MeteredStore::Counted(std::string_view operation, std::string_view key, Duration begin,
                             Answer answer) {
  if (IsVoid()) return answer;  // It is asked again, and counted then.
  const KindInfo* kind = KindOfKey(key);
  const std::string_view group = kind ? kind->group : "";
  const std::string_view resource = kind ? kind->resource : "";
  const std::chrono::duration<double> took = clock_.Monotonic() - begin;
  seconds_.Observe({operation, group, resource}, took.count());
  requests_.Add({operation, group, resource});
  if (operation == kList) lists_.Add({group, resource});
  if (!answer && IsFault(answer.error())) errors_.Add({operation, group, resource});
  return answer;
}

Result<RecordPtr> MeteredStore::Get(const std::string& key, Revision at) {
  const Duration begin = clock_.Monotonic();
  return Counted("get", key, begin, store_.Get(key, at));
}

Result<RecordPtr> MeteredStore::GetAny(const std::string& key) {
  const Duration begin = clock_.Monotonic();
  return Counted("get", key, begin, store_.GetAny(key));
}

Result<ListPage> MeteredStore::List(const ListRequest& request) {
  const Duration begin = clock_.Monotonic();
  return Counted(kList, request.prefix, begin, store_.List(request));
}

Result<std::unique_ptr<ListCursor>> MeteredStore::OpenList(const ListRequest& request) {
  const Duration begin = clock_.Monotonic();
  return Counted(kList, request.prefix, begin, store_.OpenList(request));
}

Result<Written> MeteredStore::Apply(Write write) {
  flow_control::AtWork::Waits();
  const Duration begin = clock_.Monotonic();
  const std::string_view operation = OperationOf(write);
  const std::string key = write.key;
  return Counted(operation, key, begin, store_.Apply(std::move(write)));
}

void MeteredStore::ApplyLater(Write write, Then then) {
  const Duration begin = clock_.Monotonic();
  const std::string_view operation = OperationOf(write);
  const std::string key = write.key;
  store_.ApplyLater(std::move(write), [this, begin, operation, key,
                                       then = std::move(then)](Result<Written> written) {
    then(Counted(operation, key, begin, std::move(written)));
  });
}

std::vector<Result<Written>> MeteredStore::ApplyAll(std::vector<Write> writes) {
  flow_control::AtWork::Waits();
  const Duration begin = clock_.Monotonic();
  struct Counting {
    std::string_view operation;
    std::string key;
  };
  std::vector<Counting> counting;
  counting.reserve(writes.size());
  for (const Write& write : writes) counting.push_back({OperationOf(write), write.key});
  std::vector<Result<Written>> results = store_.ApplyAll(std::move(writes));
  for (size_t i = 0; i < results.size(); ++i) {
    results[i] = Counted(counting[i].operation, counting[i].key, begin, std::move(results[i]));
  }
  return results;
}

Result<std::unique_ptr<WatchCursor>> MeteredStore::Watch(const WatchRequest& request,
                                                         WakeFunction wake) {
  return store_.Watch(request, std::move(wake));
}

}  // namespace skiff
