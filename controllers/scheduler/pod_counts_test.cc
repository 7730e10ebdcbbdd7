#include "controllers/scheduler/pod_counts.h"

#include <gtest/gtest.h>

#include "controllers/scheduler/node_trial.h"
#include "controllers/scheduler/rules/rules.h"
#include "controllers/scheduler/scheduling_fixture.h"

namespace skiff::scheduler {
namespace {

constexpr char kZoneLabel[] = "topology.kubernetes.io/zone";
constexpr char kHostLabel[] = "kubernetes.io/hostname";

PodEdit OfApp(const std::string& app, const PodEdit& more = [](core_v1::Pod&) {}) {
  return [=](core_v1::Pod& pod) {
    pod.metadata.labels["app"] = app;
    more(pod);
  };
}

void SpreadOver(core_v1::Pod& pod, const std::string& key, const std::string& app,
                const std::string& when = "DoNotSchedule") {
  auto& spread = pod.spec.topology_spread_constraints.emplace_back();
  spread.topology_key = key;
  spread.max_skew = 1;
  spread.when_unsatisfiable = when;
  spread.label_selector.Ensure().match_labels["app"] = app;
}

core_v1::PodAffinityTerm TermFor(const std::string& key, const std::string& app) {
  core_v1::PodAffinityTerm term;
  term.topology_key = key;
  term.label_selector.Ensure().match_labels["app"] = app;
  return term;
}

void StayAwayFrom(core_v1::Pod& pod, const std::string& key, const std::string& app) {
  pod.spec.affinity.Ensure().pod_anti_affinity.Ensure()
      .required_during_scheduling_ignored_during_execution.push_back(TermFor(key, app));
}

void StayNear(core_v1::Pod& pod, const std::string& key, const std::string& app) {
  pod.spec.affinity.Ensure().pod_affinity.Ensure()
      .required_during_scheduling_ignored_during_execution.push_back(TermFor(key, app));
}

void Prefer(core_v1::Pod& pod, const std::string& key, const std::string& app, int weight) {
  auto& affinity = pod.spec.affinity.Ensure();
  core_v1::WeightedPodAffinityTerm term;
  term.weight = std::abs(weight);
  term.pod_affinity_term = TermFor(key, app);
  if (weight > 0) {
    affinity.pod_affinity.Ensure()
        .preferred_during_scheduling_ignored_during_execution.push_back(term);
  } else {
    affinity.pod_anti_affinity.Ensure()
        .preferred_during_scheduling_ignored_during_execution.push_back(term);
  }
}

// A pod that asks for something of every sort, by the luck of the draw.
PodInfoPtr AnyPod(const std::string& name, Random& random) {
  const auto app = [&] { return std::string(1, static_cast<char>('a' + random.Below(3))); };
  const auto key = [&] { return std::string(random.Below(2) == 0 ? kZoneLabel : kHostLabel); };
  return PodOf(name, 0, "1m", OfApp(app(), [&](core_v1::Pod& pod) {
    if (random.Below(3) == 0) StayAwayFrom(pod, key(), app());
    if (random.Below(5) == 0) StayNear(pod, key(), app());
    if (random.Below(3) == 0) SpreadOver(pod, key(), app());
    if (random.Below(3) == 0) SpreadOver(pod, key(), app(), "ScheduleAnyway");
    if (random.Below(3) == 0) Prefer(pod, key(), app(), random.Below(2) == 0 ? 3 : -3);
    if (random.Below(4) == 0) pod.spec.node_selector[kZoneLabel] = "z1";
    if (random.Below(6) == 0) pod.metadata.namespace_ = "other";
    if (random.Below(8) == 0) pod.metadata.deletion_timestamp = Time(TimePoint{} + 1s);
  }));
}

std::vector<std::string> Verdicts(const PodInfo& pod, const Snapshot& snapshot) {
  std::vector<std::string> said;
  for (const auto prepare : {PreparePodTopologySpread, PrepareInterPodAffinity}) {
    const Prepared prepared = prepare(pod, snapshot);
    for (const NodeInfo* node : snapshot.nodes) {
      const Verdict verdict = prepared.filter ? prepared.filter(*node) : Verdict::Fits();
      said.push_back(verdict.fits() ? "" : verdict.Reasons()[0]);
    }
  }
  for (const auto prepare : {ScorePodTopologySpread, ScoreInterPodAffinity}) {
    const PreparedScore prepared = prepare(pod, snapshot, snapshot.nodes);
    std::vector<int64_t> scores(snapshot.nodes.size());
    for (size_t i = 0; prepared.score && i < scores.size(); ++i) {
      scores[i] = prepared.score(*snapshot.nodes[i]);
    }
    if (prepared.normalize) prepared.normalize(snapshot.nodes, scores);
    for (const int64_t score : scores) said.push_back(std::to_string(score));
  }
  return said;
}

TEST(PodCountsTest, PointsForNeighboursAreKubernetesToTheNumber) {
  SchedulingFixture cluster;
  for (const char* node : {"a", "b", "c"}) {
    cluster.AddNode(node, "4", {{std::string(kHostLabel), node}});
  }
  cluster.Place(PodOf("x", 0, "1m", OfApp("x", [](core_v1::Pod&) {})), "a");
  cluster.Place(PodOf("y", 0, "1m", OfApp("y", [](core_v1::Pod&) {})), "b");
  const auto pod = PodOf("pod", 0, "1m", [](core_v1::Pod& it) {
    Prefer(it, std::string(kHostLabel), "x", 100);
    Prefer(it, std::string(kHostLabel), "y", 29);
  });
  const Snapshot snapshot = cluster.MakeSnapshot();
  const PreparedScore prepared = ScoreInterPodAffinity(*pod, snapshot, snapshot.nodes);
  std::map<std::string, int64_t> points;
  std::vector<int64_t> scores;
  for (const NodeInfo* node : snapshot.nodes) scores.push_back(prepared.score(*node));
  prepared.normalize(snapshot.nodes, scores);
  for (size_t i = 0; i < scores.size(); ++i) points[snapshot.nodes[i]->name()] = scores[i];
  EXPECT_EQ(points, (std::map<std::string, int64_t>{{"a", 100}, {"b", 28}, {"c", 0}}));
}

// For one that goes for others, two thousand times forty thousand terms would be counted.
TEST(PodCountsTest, WhatAllOthersRefuseIsNotCountedForEachPodThatMayHaveToGo) {
  SchedulingFixture cluster;
  for (int n = 0; n < 100; ++n) {
    const std::string node = "n" + std::to_string(n);
    cluster.AddNode(node, "20", {{kHostLabel, node}});
    for (int i = 0; i < 20; ++i) {
      const auto refuse = [](core_v1::Pod& pod) {
        for (int app = 0; app < 20; ++app) {
          StayAwayFrom(pod, std::string(kHostLabel), "x" + std::to_string(app));
        }
      };
      cluster.Place(PodOf(node + "-" + std::to_string(i), 0, "1", refuse), node);
    }
  }
  const auto outcome = cluster.Preempt(*PodOf("high", 9, "20", OfApp("x")));
  ASSERT_TRUE(outcome.victims);
  EXPECT_EQ(outcome.victims->pods.size(), 20u);
}

// Other pods on one node, and once more others there.
TEST(PodCountsTest, WhatIsTriedIsCountedAsIfAllWereCountedAnew) {
  for (const uint64_t seed : {1, 2, 3, 4, 5, 6}) {
    SeededRandom random(seed);
    SchedulingFixture cluster;
    for (int i = 0; i < 6; ++i) {
      cluster.AddNode(
          "n" + std::to_string(i), "64",
          {{kHostLabel, "h" + std::to_string(i)}, {kZoneLabel, "z" + std::to_string(i % 2)}});
    }
    // Of half of the worlds no pod refuses others.
    const auto any = [&](const std::string& name) {
      return seed % 2 == 0 ? AnyPod(name, random) : PodOf(name, 0, "1m", OfApp("a"));
    };
    for (int i = 0; i < 30; ++i) {
      const std::string name = "p" + std::to_string(i);
      cluster.Place(any(name), "n" + std::to_string(random.Below(6)));
    }
    const Snapshot snapshot = cluster.MakeSnapshot();
    const auto expect_same = [&](const Snapshot& tried) {
      Snapshot anew = tried;
      anew.tried = nullptr;
      ASSERT_NE(tried.tried, nullptr);
      for (int i = 0; i < 20; ++i) {
        const PodInfoPtr pod = AnyPod("new", random);
        EXPECT_EQ(Verdicts(*pod, tried), Verdicts(*pod, anew)) << seed;
      }
    };
    NodeTrial trial(*snapshot.nodes[random.Below(6)], snapshot);
    while (trial.node().pods.size() > 1) {
      const std::string uid = trial.node().pods.begin()->first;
      trial.node().RemovePod(uid);
    }
    expect_same(trial.snapshot());
    trial.node().AddPod(AnyPod("one", random));
    expect_same(trial.snapshot());
    NodeTrial other(trial.node(), trial.snapshot());
    other.node().AddPod(AnyPod("two", random));
    expect_same(other.snapshot());
    expect_same(trial.snapshot());
  }
}

// However few values there are, and whether or not a node has its host for itself.
TEST(PodCountsTest, ASumIsThatOfAllNodesWithTheSameValue) {
  for (const int zones : {2, 12}) {
    for (const bool hosts_differ : {true, false}) {
      SeededRandom random(3);
      SchedulingFixture cluster;
      for (int i = 0; i < 20; ++i) {
        const std::string host = hosts_differ || i > 1 ? "h" + std::to_string(i) : "shared";
        cluster.AddNode("n" + std::to_string(i), "64",
                        {{kHostLabel, host}, {kZoneLabel, "z" + std::to_string(i % zones)}});
      }
      std::map<std::string, int64_t> on;
      for (int i = 0; i < 50; ++i) {
        const std::string node = "n" + std::to_string(random.Below(20));
        cluster.Place(PodOf("p" + std::to_string(i), 0, "1m", OfApp("a")), node);
        ++on[node];
      }
      const Snapshot snapshot = cluster.MakeSnapshot();
      EXPECT_EQ(HostsDiffer(snapshot, *NodeCounts(snapshot)), hosts_differ);
      const auto places = CountsOf(snapshot, {"all", [](const core_v1::Pod&) { return true; }});
      for (const std::string key : {kHostLabel, kZoneLabel}) {
        const SumsAt sums(key, places, HostsDiffer(snapshot, *NodeCounts(snapshot)));
        const SumsAt numbered(key, places, false, ValuesOf(snapshot, key));
        for (const NodeInfo* node : snapshot.nodes) {
          int64_t sum = 0;
          for (const NodeInfo* other : snapshot.nodes) {
            if (*other->Label(key) == *node->Label(key)) sum += on[other->name()];
          }
          EXPECT_EQ(sums.On(*node), sum) << key << " of " << node->name();
          EXPECT_EQ(numbered.On(*node), sum) << key << " of " << node->name();
        }
      }
    }
  }
}

// Whoever walks over everything comes to the same.
TEST(PodCountsTest, WhatIsKeptIsWhatTheNodesSay) {
  SeededRandom random(7);
  SchedulingFixture cluster;
  const auto zone = [&] { return "z" + std::to_string(random.Below(3)); };
  const auto node = [&] { return "n" + std::to_string(random.Below(6)); };
  std::vector<std::string> placed;
  int refused = 0;
  for (int turn = 0; turn < 1500; ++turn) {
    const std::string name = "p" + std::to_string(turn);
    const auto what = random.Below(10);
    if (what == 0) {
      const std::string changed = node();
      std::map<std::string, std::string> labels = {
          {kHostLabel, random.Below(8) == 0 ? "shared" : changed}};
      if (random.Below(4) > 0) labels[kZoneLabel] = zone();
      cluster.AddNode(changed, "64", labels);
    } else if (what == 1 && turn % 3 == 0) {
      cluster.RemoveNode(node());
    } else if (what < 4 && !placed.empty()) {
      cluster.Remove(placed[random.Below(placed.size())]);
    } else {
      cluster.Place(AnyPod(name, random), node());
      placed.push_back(name);
    }
    const PodInfoPtr asking = AnyPod("asking", random);
    const Snapshot kept = cluster.MakeSnapshot();
    Snapshot walked = kept;
    walked.counts = nullptr;
    const auto said = Verdicts(*asking, kept);
    ASSERT_EQ(said, Verdicts(*asking, walked)) << "turn " << turn;
    refused += static_cast<int>(std::count_if(said.begin(), said.end(), [](const auto& each) {
      return each.starts_with("node(s)");
    }));
  }
  EXPECT_GT(refused, 1000);
}

// The cost of a decision must not grow with the pods that are there.
TEST(PodCountsTest, PodsAreLookedAtOnceHoweverManyAreScheduledBesideThem) {
  SchedulingFixture cluster;
  for (int i = 0; i < 300; ++i) {
    const std::string name = "n" + std::to_string(i);
    cluster.AddNode(name, "64", {{kHostLabel, name}, {kZoneLabel, "z" + std::to_string(i % 3)}});
  }
  for (int i = 0; i < 300; ++i) {
    const auto pod = PodOf("p" + std::to_string(i), 0, "1m", OfApp("web", [](auto& it) {
                             SpreadOver(it, kZoneLabel, "web");
                             StayAwayFrom(it, kHostLabel, "web");
                           }));
    const Decision decision = cluster.Schedule(*pod);
    ASSERT_FALSE(decision.node.empty()) << i << ": " << decision.unfit.Message();
    cluster.Place(pod, decision.node);
  }
  EXPECT_EQ(cluster.MakeSnapshot().counts->looks(), 0);
  const auto one_more = PodOf("late", 0, "1m", OfApp("web", [](auto& it) {
                                StayAwayFrom(it, kHostLabel, "web");
                              }));
  EXPECT_EQ(cluster.Schedule(*one_more).node, "");
  const auto of_another_kind = PodOf("near", 0, "1m", [](auto& it) {
    it.metadata.labels["app"] = "db";
    StayNear(it, kHostLabel, "web");
  });
  EXPECT_NE(cluster.Schedule(*of_another_kind).node, "");
  EXPECT_EQ(cluster.MakeSnapshot().counts->looks(), 0);
}

TEST(PodCountsTest, GroupsThatNobodyAsksForAreForgotten) {
  SchedulingFixture cluster;
  cluster.AddNode("n", "64", {});
  cluster.Place(PodOf("p", 0, "1m"), "n");
  const auto ask = [&](const std::string& id) {
    const Snapshot snapshot = cluster.MakeSnapshot();
    const PodGroup all{id, [](const core_v1::Pod&) { return true; }, true};
    EXPECT_EQ(CountsOf(snapshot, all)->On(*snapshot.nodes[0]), 1);
    return snapshot.counts->looks();
  };
  uint64_t looks = 0;
  for (size_t i = 0; i < 2 * PodCounts::kGroupsMax; ++i) {
    EXPECT_EQ(ask(std::to_string(i)), ++looks);
    ask("often");
    looks = cluster.MakeSnapshot().counts->looks();
  }
  EXPECT_EQ(looks, 2 * PodCounts::kGroupsMax + 1);
}

// Pods may name any key there is not.
TEST(PodCountsTest, KeysThatNobodyAsksForAreForgotten) {
  SchedulingFixture cluster;
  cluster.AddNode("a", "64", {{kZoneLabel, "z"}});
  cluster.AddNode("b", "64", {{kZoneLabel, "z"}});
  const Snapshot snapshot = cluster.MakeSnapshot();
  const Places& nodes = snapshot.counts->nodes();
  const auto held = nodes.ByValueOf(kZoneLabel);
  for (size_t i = 0; i < 3 * Places::kKeysMax; ++i) {
    EXPECT_TRUE(nodes.ByValueOf("key-" + std::to_string(i))->empty());
    ASSERT_LE(nodes.keys(), Places::kKeysMax);
  }
  const Sums both = {{"z", 2}};
  EXPECT_EQ(*held, both) << "who has asked has it";
  EXPECT_EQ(*nodes.ByValueOf(kZoneLabel), both);
  cluster.AddNode("c", "64", {{kZoneLabel, "y"}});
  EXPECT_EQ(cluster.MakeSnapshot().counts->nodes().ByValueOf(kZoneLabel)->at("y"), 1);
}

// Nodes come, go and move to other zones, and numbers of zones that are gone are taken again.
TEST(PodCountsTest, ValuesOfNodesAreNumberedAsTheyAre) {
  SchedulingFixture cluster;
  cluster.AddNode("a", "64", {{kZoneLabel, "z0"}});
  cluster.AddNode("b", "64", {});
  const auto values = [&] { return ValuesOf(cluster.MakeSnapshot(), kZoneLabel); };
  const auto number = [&](const std::string& name) {
    const Snapshot snapshot = cluster.MakeSnapshot();
    const auto node = std::find_if(snapshot.nodes.begin(), snapshot.nodes.end(),
                                   [&](const NodeInfo* each) { return each->name() == name; });
    return values()->Of(**node);
  };
  EXPECT_NE(number("a"), NodeValues::kNone);
  EXPECT_EQ(number("b"), NodeValues::kNone);
  for (int i = 1; i < 50; ++i) {
    const std::string zone = "z" + std::to_string(i);
    cluster.AddNode("b", "64", {{kZoneLabel, zone}});
    EXPECT_NE(number("b"), number("a"));
    cluster.AddNode("a", "64", {{kZoneLabel, zone}});
    EXPECT_EQ(number("b"), number("a"));
    cluster.RemoveNode("a");
    EXPECT_EQ(values()->values().at(zone).nodes, 1);
    cluster.AddNode("a", "64", {{kZoneLabel, zone}});
    EXPECT_EQ(number("b"), number("a"));
    ASSERT_LE(values()->end(), 4) << "two zones at a time";
  }
  for (size_t i = 0; i < NodeValues::kValuesMax; ++i) {
    cluster.AddNode("more" + std::to_string(i), "64", {{kZoneLabel, "y" + std::to_string(i)}});
  }
  EXPECT_EQ(values(), nullptr);
}

std::shared_ptr<core_v1::Node> NodeWith(const std::string& name,
                                        const std::map<std::string, int64_t>& images) {
  auto made = std::make_shared<core_v1::Node>();
  made->metadata.name = name;
  for (const auto& [image_name, size] : images) {
    auto& image = made->status.images.emplace_back();
    image.names = {image_name, image_name + "@sha256:1"};
    image.size_bytes = size;
  }
  return made;
}

// Of nodes, by name, to a pod with containers of those images; empty: it prefers none.
std::vector<int64_t> ImageScores(Cache& cache, const std::vector<std::string>& images) {
  const auto pod = PodOf("p", 0, "1m", [&](core_v1::Pod& it) {
    it.spec.containers.resize(images.size());
    for (size_t i = 0; i < images.size(); ++i) it.spec.containers[i].image = images[i];
  });
  Snapshot snapshot;
  snapshot.nodes = cache.Nodes();
  snapshot.images = &cache.images();
  const PreparedScore prepared = ScoreImageLocality(*pod, snapshot, snapshot.nodes);
  std::vector<int64_t> scores;
  if (!prepared.score) return scores;
  for (const NodeInfo* node : snapshot.nodes) scores.push_back(prepared.score(*node));
  return scores;
}

TEST(ImageLocalityTest, WhatIsThereCountsByItsSizeAndByHowManyNodesHaveIt) {
  constexpr int64_t kMiB = 1 << 20;
  Cache cache;
  cache.SetNode(NodeWith("a", {{"x/40:latest", 40 * kMiB}, {"x/300:latest", 300 * kMiB}}));
  cache.SetNode(NodeWith("b", {{"x/250:latest", 250 * kMiB}, {"x/10:latest", 10 * kMiB}}));
  using Scores = std::vector<int64_t>;
  EXPECT_EQ(ImageScores(cache, {"x/40", "x/250"}), (Scores{0, 5}));
  EXPECT_EQ(ImageScores(cache, {"x/40", "x/300"}), (Scores{7, 0}));
  EXPECT_EQ(ImageScores(cache, {"x/10", "x/4000"}), (Scores{0, 0}));
  EXPECT_EQ(ImageScores(cache, {"x/300", "x/300"}), (Scores{14, 0})) << "a container, a count";
  EXPECT_EQ(ImageScores(cache, {"y"}), Scores());
  cache.SetNode(NodeWith("b", {{"x/250:latest", 250 * kMiB}, {"x/300:latest", 300 * kMiB}}));
  EXPECT_EQ(ImageScores(cache, {"x/300"}), Scores()) << "what all have prefers none";
  EXPECT_EQ(ImageScores(cache, {"x/300", "x/250"}), (Scores{14, 20}));
}

TEST(ImageLocalityTest, ImagesOfNodesThatComeAndGoAreCountedOnce) {
  Cache cache;
  const auto node = [](const std::string& name, int64_t size) {
    return size == 0 ? NodeWith(name, {}) : NodeWith(name, {{"web:1", size}});
  };
  cache.SetNode(node("a", 500));
  cache.SetNode(node("b", 500));
  cache.SetNode(node("b", 500));
  EXPECT_EQ(cache.images().at("web:1").nodes, 2);
  EXPECT_EQ(cache.images().at("web:1").size, 500);
  auto twice = node("b", 500);
  twice->status.images.push_back(twice->status.images[0]);
  cache.SetNode(twice);
  EXPECT_EQ(cache.images().at("web:1").nodes, 2) << "nor does a node count twice";
  cache.SetNode(node("b", 0));
  EXPECT_EQ(cache.images().at("web:1@sha256:1").nodes, 1);
  cache.RemoveNode("a");
  EXPECT_TRUE(cache.images().empty());
}

}  // namespace
}  // namespace skiff::scheduler
