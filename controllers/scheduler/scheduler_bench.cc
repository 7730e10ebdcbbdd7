// How fast the scheduler alone decides: nodes and pods are in its informers' caches, and a server
// that does nothing takes each binding at once. Build with -DSKIFF_BENCHES=ON:
//
//   build/release/scheduler_bench
//
// "items_per_second" are pods by CPU time of the one thread; a pod is taken in, decided and bound.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "client/transport.h"
#include "controllers/scheduler/scheduler.h"

namespace skiff::scheduler {
namespace {

enum class Rule : uint8_t { kPlain, kZoneSpread, kHostAntiAffinity };

Json Labels() {
  return {{"app", "web"}};
}

Json PodNumber(int number, Rule rule) {
  Json spec = {{"schedulerName", kSchedulerName},
               {"containers", {{{"name", "main"}, {"image", "web:1"}}}}};
  if (rule == Rule::kZoneSpread) {
    spec["topologySpreadConstraints"] = {{{"maxSkew", 1},
                                          {"topologyKey", kZoneLabel},
                                          {"whenUnsatisfiable", "DoNotSchedule"},
                                          {"labelSelector", {{"matchLabels", Labels()}}}}};
  } else if (rule == Rule::kHostAntiAffinity) {
    const Json term = {{"topologyKey", kHostLabel}, {"labelSelector", {{"matchLabels", Labels()}}}};
    spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] = {term};
  }
  const Json owner = {{"apiVersion", "apps/v1"},
                      {"kind", "ReplicaSet"},
                      {"name", "web"},
                      {"uid", "web"},
                      {"controller", true}};
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata",
           {{"name", fmt::format("web-{}", number)},
            {"namespace", "default"},
            {"uid", fmt::format("8f1c{:08}-pod", number)},
            {"labels", Labels()},
            {"ownerReferences", {owner}},
            {"resourceVersion", "1"}}},
          {"spec", spec}};
}

Json NodeNumber(int number) {
  const std::string name = fmt::format("node-{}", number);
  return {{"apiVersion", "v1"},
          {"kind", "Node"},
          {"metadata",
           {{"name", name},
            {"resourceVersion", "1"},
            {"labels",
             {{kHostLabel, name}, {kZoneLabel, fmt::format("zone-{}", number % 3)}}}}},
          {"status",
           {{"allocatable", {{"cpu", "32"}, {"memory", "64Gi"}, {"pods", "110"}}},
            {"images",
             {{{"names", {"registry.k8s.io/pause:3.10"}}, {"sizeBytes", 700000}},
              {{"names", {"web:1"}}, {"sizeBytes", 50000000}}}}}}};
}

Json ReplicaSetOf() {
  return {{"apiVersion", "apps/v1"},
          {"kind", "ReplicaSet"},
          {"metadata",
           {{"name", "web"}, {"namespace", "default"}, {"uid", "web"}, {"resourceVersion", "1"}}},
          {"spec", {{"selector", {{"matchLabels", Labels()}}}}}};
}

RawJson Text(const Json& object) {
  return RawJson::FromText(object.dump());
}

// A cluster as the scheduler sees it, and what would be the server.
class World {
 public:
  World(int nodes, int pods, Rule rule) {
    scheduler_.AddBinder(binder_);
    std::vector<RawJson> texts;
    for (int i = 0; i < nodes; ++i) texts.push_back(Text(NodeNumber(i)));
    Fill<core_v1::Node>(std::move(texts));
    Fill<apps_v1::ReplicaSet>({Text(ReplicaSetOf())});
    texts.clear();
    for (int i = 0; i < pods; ++i) texts.push_back(Text(PodNumber(i, rule)));
    Fill<core_v1::Pod>(std::move(texts));
    Fill<core_v1::PersistentVolumeClaim>({});
    Fill<core_v1::PersistentVolume>({});
    Fill<storage_v1::StorageClass>({});
    Fill<storage_v1::CSINode>({});
    Fill<storage_v1::VolumeAttachment>({});
    Fill<storage_v1::CSIDriver>({});
    Fill<storage_v1::CSIStorageCapacity>({});
    Fill<core_v1::Namespace>({});
    Fill<core_v1::Service>({});
    Fill<core_v1::ReplicationController>({});
    Fill<apps_v1::StatefulSet>({});
    Fill<policy_v1::PodDisruptionBudget>({});
    Fill<resource_v1::ResourceClaim>({});
    Fill<resource_v1::ResourceSlice>({});
    Fill<resource_v1::DeviceClass>({});
  }
  // Until nothing is left to decide or to bind; returns how many pods are bound.
  int Run() {
    while (scheduler_.Step() == Duration(0)) {
      while (binder_.Step() == Duration(0)) continue;
    }
    while (binder_.Step() == Duration(0)) continue;
    return bound_;
  }

 private:
  template <Kind K>
  void Fill(std::vector<RawJson> texts) {
    manager_.informer<K>().cache().Replace(std::move(texts), "1");
  }
  http::Response Answer(const http::Request& request) {
    bound_ += request.path.ends_with("/binding") ? 1 : 0;
    http::Response response;
    response.status = 201;
    response.body = R"({"kind":"Status","apiVersion":"v1","status":"Success"})";
    return response;
  }

  int bound_ = 0;
  FakeClock clock_;
  SeededRandom random_{1};
  InProcessTransport transport_{[this](const http::Request& request) { return Answer(request); }};
  Client client_{transport_, "bench"};
  InformerFactory informers_{{client_, clock_, random_}};
  Manager manager_{{transport_, clock_, random_, informers_, "bench"}};
  Scheduler scheduler_{manager_};
  Binder binder_{scheduler_};
};

void Decide(benchmark::State& state, Rule rule) {
  const auto nodes = static_cast<int>(state.range(0));
  const auto pods = static_cast<int>(state.range(1));
  for (auto _ : state) {
    state.PauseTiming();
    auto world = std::make_unique<World>(nodes, pods, rule);
    state.ResumeTiming();
    const int bound = world->Run();
    state.PauseTiming();
    CHECK(bound == pods);
    world.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * pods);
}

BENCHMARK_CAPTURE(Decide, plain, Rule::kPlain)
    ->Args({100, 10'000})
    ->Args({1'000, 20'000})
    ->Args({5'000, 20'000})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Decide, zone_spread, Rule::kZoneSpread)
    ->Args({5'000, 20'000})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Decide, host_anti_affinity, Rule::kHostAntiAffinity)
    ->Args({5'000, 5'000})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace skiff::scheduler

BENCHMARK_MAIN();
