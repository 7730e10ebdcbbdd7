// How fast the stores are, on the real disk below the temporary folder; the etcd one on an etcd of
// one member on this machine. Build with -DSKIFF_BENCHES=ON:
//
//   build/release/storage_bench --benchmark_filter=Write
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <atomic>
#include <filesystem>

#include "apiserver/storage/etcd_test_host.h"
#include "apiserver/storage/rocksdb_store.h"

namespace skiff {
namespace {

constexpr size_t kValueBytes = 3000;

// Looks like JSON to the compression and like 3 KB to the log.
std::string Value(uint64_t seed) {
  std::string value;
  while (value.size() < kValueBytes) {
    value +=
        fmt::format(R"({{"name":"field-{}","value":"{:x}"}},)", value.size(), seed * 2654435761);
    seed = seed * 6364136223846793005 + 1442695040888963407;
  }
  value.resize(kValueBytes);
  return value;
}

// One store for all threads of a benchmark.
class Subject {
 public:
  explicit Subject(Durability durability, int objects = 0) {
    std::string name = std::filesystem::temp_directory_path() / "skiff-bench-XXXXXX";
    CHECK(mkdtemp(name.data()) != nullptr);
    folder_ = name;
    auto opened =
        RocksdbStore::Open({.path = folder_ + "/store", .durability = durability}, clock_);
    CHECK(opened.has_value());
    store_ = *std::move(opened);
    Fill(objects);
  }
  // On etcd.
  explicit Subject(int objects) {
    etcd_ = std::make_unique<EtcdHost>(
        EtcdHost::Options{.folder = std::filesystem::temp_directory_path()});
    store_ = OpenEtcdStore({.client = etcd_->Client()}, clock_);
    Fill(objects);
  }
  ~Subject() {
    store_.reset();
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  static std::string Key(int i) { return fmt::format("/registry/pods/default/pod-{:06}", i); }
  Store& store() { return *store_; }

 private:
  void Fill(int objects) {
    for (int i = 0; i < objects; ++i) {
      CHECK(store_->Apply({.key = Key(i), .value = Value(i)}).has_value());
    }
  }

  std::string folder_;
  SystemClock clock_;
  std::unique_ptr<EtcdHost> etcd_;
  std::unique_ptr<Store> store_;
};

std::unique_ptr<Subject> subject;

void CloseSubject(const benchmark::State&) {
  subject.reset();
}

void BM_Write(benchmark::State& state) {
  int i = state.thread_index() * 1'000'000;
  const std::string value = Value(state.thread_index());
  for (auto _ : state) {
    const auto written = subject->store().Apply({.key = Subject::Key(i++ % 5000), .value = value});
    CHECK(written.has_value());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Write)
    ->Name("WriteSynced")
    ->Setup([](const benchmark::State&) { subject = std::make_unique<Subject>(Durability::kSync); })
    ->Teardown(CloseSubject)
    ->Threads(1)
    ->Threads(32)
    ->UseRealTime();
BENCHMARK(BM_Write)
    ->Name("WriteInterval")
    ->Setup([](const benchmark::State&) {
      subject = std::make_unique<Subject>(Durability::kInterval);
    })
    ->Teardown(CloseSubject)
    ->Threads(1)
    ->Threads(32)
    ->UseRealTime();

BENCHMARK(BM_Write)
    ->Name("WriteEtcd")
    ->Setup([](const benchmark::State&) { subject = std::make_unique<Subject>(0); })
    ->Teardown(CloseSubject)
    ->Threads(1)
    ->Threads(32)
    ->UseRealTime();

void Fill(const benchmark::State&) {
  subject = std::make_unique<Subject>(Durability::kMemory, 5000);
}

void FillEtcd(const benchmark::State&) {
  subject = std::make_unique<Subject>(5000);
}

void BM_Get(benchmark::State& state) {
  int i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(subject->store().Get(Subject::Key(i++ % 5000)));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Get)->Name("Get")->Setup(Fill)->Teardown(CloseSubject)->UseRealTime();
BENCHMARK(BM_Get)->Name("GetEtcd")->Setup(FillEtcd)->Teardown(CloseSubject)->UseRealTime();

void BM_List(benchmark::State& state) {
  for (auto _ : state) {
    const auto page = subject->store().List({.prefix = "/registry/pods/"});
    CHECK(page->records.size() == 5000);
  }
  state.SetItemsProcessed(state.iterations() * 5000);
}
BENCHMARK(BM_List)->Name("List5000")->Setup(Fill)->Teardown(CloseSubject)->UseRealTime();
BENCHMARK(BM_List)->Name("List5000Etcd")->Setup(FillEtcd)->Teardown(CloseSubject)->UseRealTime();

void BM_ListAtOldRevision(benchmark::State& state) {
  const Revision at = subject->store().Current();
  CHECK(subject->store().Apply({.key = "/registry/pods/default/a", .value = "x"}).has_value());
  for (auto _ : state) {
    const auto page = subject->store().List({.prefix = "/registry/pods/", .at = at});
    CHECK(page->records.size() == 5000);
  }
  state.SetItemsProcessed(state.iterations() * 5000);
}
BENCHMARK(BM_ListAtOldRevision)
    ->Name("List5000AtOldRevision")
    ->Setup(Fill)
    ->Teardown(CloseSubject)
    ->UseRealTime();

// One write, read by so many cursors after their wake.
void BM_WatchFanOut(benchmark::State& state) {
  const auto watchers = static_cast<size_t>(state.range(0));
  Subject fan(Durability::kMemory);
  std::vector<std::unique_ptr<WatchCursor>> cursors;
  size_t woken = 0;
  for (size_t i = 0; i < watchers; ++i) {
    cursors.push_back(*fan.store().Watch("/registry/pods/", Revision{0}, [&] { ++woken; }));
  }
  std::vector<EventPtr> events;
  for (auto _ : state) {
    CHECK(fan.store().Apply({.key = Subject::Key(0), .value = Value(1)}).has_value());
    for (const auto& cursor : cursors) {
      events.clear();
      CHECK(cursor->Next(16, events).has_value() && events.size() == 1);
    }
  }
  CHECK(woken == watchers * state.iterations());
  state.SetItemsProcessed(state.iterations() * state.range(0));
  cursors.clear();
}
BENCHMARK(BM_WatchFanOut)->Name("WatchFanOut")->Arg(100)->Arg(10'000)->UseRealTime();

// What idle watches of other namespaces cost a write.
void BM_WriteBesideIdleWatches(benchmark::State& state) {
  Subject beside(Durability::kMemory);
  std::vector<std::unique_ptr<WatchCursor>> cursors;
  for (int i = 0; i < 10'000; ++i) {
    cursors.push_back(*beside.store().Watch(fmt::format("/registry/pods/namespace-{}/", i),
                                            Revision{0}, nullptr));
  }
  const std::string value = Value(1);
  for (auto _ : state) {
    CHECK(beside.store().Apply({.key = Subject::Key(0), .value = value}).has_value());
  }
  state.SetItemsProcessed(state.iterations());
  cursors.clear();
}
BENCHMARK(BM_WriteBesideIdleWatches)->Name("WriteBesideIdleWatches")->UseRealTime();

}  // namespace
}  // namespace skiff

BENCHMARK_MAIN();
