// What single kinds do beyond what every kind does.
#include <set>

#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

class KindBehaviourTest : public ServerFixture {
 protected:
  static constexpr const char* kPods = "/api/v1/namespaces/default/pods";
  static constexpr const char* kServices = "/api/v1/namespaces/default/services";
  static constexpr const char* kNodes = "/api/v1/nodes";

  Answer MakePod(const std::string& name, const std::string& more = "") {
    return Post(kPods, R"({"metadata": {"name": ")" + name + R"("}, "spec": {)" + more +
                           R"("containers": [{"name": "c", "image": "i"}]}})");
  }
  static size_t Owners(const Answer& answer) {
    return answer.body["metadata"].value("managedFields", Json::array()).size();
  }
};

TEST_F(KindBehaviourTest, ABindingIsNobodysFieldAndSaysWhichPodItMeans) {
  MakePod("p");
  const std::string binding = std::string(kPods) + "/p/binding";
  const auto other = Post(binding, R"({"metadata": {"name": "p", "uid": "x"},
                                       "target": {"name": "n"}})");
  EXPECT_EQ(other.code, 409);
  EXPECT_EQ(other.body["details"]["kind"], "pods");
  EXPECT_NE(other.message().find("Precondition failed: UID in precondition: x"), std::string::npos);
  EXPECT_NE(other.message().find("Key: /registry/pods/default/p,"), std::string::npos);
  const auto dry = Post(binding + "?dryRun=All", R"({"metadata": {"name": "p", "uid": "x"},
                                                     "target": {"name": "n"}})");
  EXPECT_EQ(dry.code, 409);
  EXPECT_NE(dry.message().find("Key: /pods/default/p,"), std::string::npos) << dry.message();
  EXPECT_EQ(Post(binding, R"({"metadata": {"name": "p"}, "target": {"name": "n"}})").code, 201);
  EXPECT_EQ(Owners(Get(std::string(kPods) + "/p")), 1u);
}

TEST_F(KindBehaviourTest, TheOldEvictionIsTakenAndAnEmptyBudgetSaysSo) {
  MakePod("p");
  Ask("PATCH", std::string(kPods) + "/p/status",
      R"({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}})",
      "application/merge-patch+json");
  Merge(std::string(kPods) + "/p", R"({"metadata": {"labels": {"a": "b"}}})");
  const std::string budget = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
  Post(budget, R"({"metadata": {"name": "b"}, "spec": {"minAvailable": 1,
                   "selector": {"matchLabels": {"a": "b"}}}})");
  Merge(budget + "/b/status", R"({"status": {"observedGeneration": 1, "disruptionsAllowed": 1,
                                  "currentHealthy": 2, "desiredHealthy": 1, "expectedPods": 2}})");
  const std::string eviction = std::string(kPods) + "/p/eviction";
  const auto evicted = Post(eviction, R"({"apiVersion": "policy/v1beta1", "kind": "Eviction",
                                          "metadata": {"name": "p"}})");
  EXPECT_EQ(evicted.code, 201) << evicted.body;
  const Json status = Get(budget + "/b").body["status"];
  EXPECT_EQ(status["disruptionsAllowed"], 0);
  EXPECT_EQ(status["conditions"][0]["type"], "DisruptionAllowed");
  EXPECT_EQ(status["conditions"][0]["status"], "False");
}

TEST_F(KindBehaviourTest, AnEvictionWhoseDeletionCannotBeMeantTakesNothing) {
  MakePod("p", R"("nodeName": "n", )");
  const auto evict = [&](const std::string& options, const std::string& query = "") {
    return Post(std::string(kPods) + "/p/eviction" + query, R"({"apiVersion": "policy/v1",
        "kind": "Eviction", "metadata": {"name": "p"}, "deleteOptions": )" + options + "}");
  };
  const auto wrong = evict(R"({"propagationPolicy": "x"})");
  EXPECT_EQ(wrong.code, 422);
  EXPECT_EQ(wrong.message(),
            "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: "
            "\"x\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"");
  EXPECT_EQ(evict(R"({"dryRun": ["x"]})").code, 422);
  EXPECT_EQ(evict(R"({"orphanDependents": true, "propagationPolicy": "Orphan"})").code, 422);
  EXPECT_EQ(evict(R"({"ignoreStoreReadErrorWithClusterBreakingPotential": true})").code, 422);
  const auto other = evict(R"({"dryRun": ["All", "x"]})", "?dryRun=All");
  EXPECT_EQ(other.code, 500);
  EXPECT_EQ(other.message(),
            "Non-matching dry-run options in request and content: [All] and [All x]");
  const Json pod = Get(std::string(kPods) + "/p").body;
  EXPECT_EQ(pod.dump().find("DisruptionTarget"), std::string::npos);
  EXPECT_FALSE(pod["metadata"].contains("deletionTimestamp"));
  EXPECT_EQ(evict(R"({"dryRun": ["All"], "gracePeriodSeconds": -1})").code, 201);
}

TEST_F(KindBehaviourTest, AnEvictionMarksThePodThatItMeansAndNoOther) {
  MakePod("p", R"("nodeName": "n", )");
  const std::string pod = std::string(kPods) + "/p";
  const auto evict = [&](const std::string& preconditions) {
    return Post(pod + "/eviction", R"({"apiVersion": "policy/v1", "kind": "Eviction",
        "metadata": {"name": "p"}, "deleteOptions": {"preconditions": )" + preconditions + "}}");
  };
  EXPECT_EQ(evict(R"({"uid": "x"})").code, 409);
  EXPECT_EQ(evict(R"({"resourceVersion": "1"})").code, 409);
  const Json before = Get(pod).body;
  EXPECT_EQ(before["status"].dump().find("DisruptionTarget"), std::string::npos);
  const std::string version = before["metadata"]["resourceVersion"];
  const auto evicted = evict(R"({"resourceVersion": ")" + version + R"("})");
  EXPECT_EQ(evicted.code, 201) << evicted.body;
  const Json after = Get(pod).body;
  EXPECT_NE(after["status"].dump().find("DisruptionTarget"), std::string::npos);
  EXPECT_TRUE(after["metadata"].contains("deletionTimestamp"));
}

TEST_F(KindBehaviourTest, ABudgetsNameIsLookedAtLast) {
  const std::string budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
  const auto causes = [&](const char* body) {
    std::vector<std::string> fields;
    const Json details = Post(budgets, body).body.value("details", Json::object());
    for (const Json& cause : details.value("causes", Json::array())) {
      fields.push_back(cause["field"]);
    }
    return fields;
  };
  using Fields = std::vector<std::string>;
  EXPECT_EQ(causes(R"({"metadata": {"name": "X%"}, "spec": {"minAvailable": "101%"}})"),
            Fields{"spec.minAvailable"});
  EXPECT_EQ(causes(R"({"metadata": {"name": "X%"}, "spec": {"minAvailable": 1}})"),
            Fields{"metadata.name"});
}

TEST_F(KindBehaviourTest, APodThatGoesAtOnceIsShownAsItWas) {
  MakePod("p");
  const std::string pod = std::string(kPods) + "/p";
  Ask("DELETE", pod + "?propagationPolicy=Foreground", "", "");
  const auto gone = Ask("DELETE", pod + "?propagationPolicy=Background", "", "");
  EXPECT_EQ(gone.body["metadata"]["finalizers"], Json::array({"foregroundDeletion"}));
  EXPECT_EQ(Get(pod).code, 404);
}

TEST_F(KindBehaviourTest, GraceBelowNothingIsASecond) {
  MakePod("p", R"("nodeName": "n",)");
  const std::string pod = std::string(kPods) + "/p";
  Ask("DELETE", pod, "", "");
  const auto sooner = Ask("DELETE", pod + "?gracePeriodSeconds=-5", "", "");
  EXPECT_EQ(sooner.body["metadata"]["deletionGracePeriodSeconds"], 1);
}

TEST_F(KindBehaviourTest, GraceMayBeAnyNumberOfSecondsAndIsShortenedAllTheSame) {
  MakePod("p", R"("nodeName": "n", "terminationGracePeriodSeconds": 9223372036854775807,)");
  const std::string pod = std::string(kPods) + "/p";
  const auto asked = Ask("DELETE", pod, "", "");
  EXPECT_EQ(asked.body["metadata"]["deletionGracePeriodSeconds"], 9223372036854775807);
  EXPECT_EQ(asked.body["metadata"]["deletionTimestamp"], "2123-10-21T22:13:20Z");
  const auto sooner = Ask("DELETE", pod + "?gracePeriodSeconds=30", "", "");
  EXPECT_EQ(sooner.body["metadata"]["deletionGracePeriodSeconds"], 30);
  EXPECT_EQ(sooner.body["metadata"]["deletionTimestamp"], "2023-11-14T22:13:50Z");
}

TEST_F(KindBehaviourTest, PriorityClassesOfTheSystemStay) {
  const auto refused =
      Ask("DELETE", "/apis/scheduling.k8s.io/v1/priorityclasses/system-node-critical", "", "");
  EXPECT_EQ(refused.code, 403);
  EXPECT_EQ(refused.message(),
            "priorityclasses.scheduling.k8s.io \"system-node-critical\" is forbidden: this is a "
            "system priority class and cannot be deleted");
}

TEST_F(KindBehaviourTest, TheDefaultServiceRangeIsReady) {
  const Json range = Get("/apis/networking.k8s.io/v1/servicecidrs/kubernetes").body;
  EXPECT_EQ(range["status"]["conditions"],
            Json::parse(R"([{"type": "Ready", "status": "True", "reason": "",
                             "lastTransitionTime": "2023-11-14T22:13:20Z",
                             "message": "Kubernetes default Service CIDR is ready"}])"));
}

TEST_F(KindBehaviourTest, OnlyRangesThatReadAreComparedByFamily) {
  const auto answer = Post("/apis/networking.k8s.io/v1/servicecidrs", R"({"metadata":
      {"name": "s"}, "spec": {"cidrs": ["10.9.0.0/24", "x"]}})");
  ASSERT_EQ(answer.body["details"]["causes"].size(), 1u);
  EXPECT_EQ(answer.body["details"]["causes"][0]["field"], "spec.cidrs[1]");
}

TEST_F(KindBehaviourTest, AServiceWithoutNameShowsThePlaceOfItsAddress) {
  const auto answer = Post(kServices, R"({"spec": {"ports": [{"port": 80}]}})");
  const std::string message = answer.body["details"]["causes"][0]["message"];
  EXPECT_TRUE(message.starts_with("Invalid value: [\"\"]: failed to allocate IP")) << message;
}

TEST_F(KindBehaviourTest, ADryRunFindsItsHealthPortTakenByItsNodePort) {
  const auto answer = Post(std::string(kServices) + "?dryRun=All", R"({"metadata": {"name": "a"},
      "spec": {"type": "LoadBalancer", "externalTrafficPolicy": "Local",
               "healthCheckNodePort": 30071, "ports": [{"port": 80, "nodePort": 30071}]}})");
  EXPECT_EQ(answer.code, 500);
  EXPECT_EQ(answer.message(),
            "Internal error occurred: failed to allocate requested HealthCheck NodePort 30071: "
            "provided port is already allocated");
}

TEST_F(KindBehaviourTest, TheStoreTheSchedulerAndTheControllersAreComponents) {
  const std::string components = "/api/v1/componentstatuses";
  const Json conditions = Json::parse(R"([{"type": "Healthy", "status": "True", "message": "ok"}])");
  EXPECT_EQ(Get(components + "/etcd-0").body["conditions"], conditions);
  std::vector<std::string> names;
  const Json items = Get(components).body["items"];
  for (const Json& item : items) names.push_back(item["metadata"]["name"]);
  EXPECT_EQ(names, (std::vector<std::string>{"scheduler", "controller-manager", "etcd-0"}));
  EXPECT_EQ(Get(components + "?fieldSelector=metadata.name=scheduler").body["items"].size(), 1u);
  EXPECT_EQ(Get(components + "?labelSelector=a=b").body["items"].size(), 0u);
  for (const char* name : {"/scheduler", "/controller-manager"}) {
    // Of this server, which connects to nobody.
    EXPECT_EQ(Get(components + name).body["conditions"][0]["status"], "False") << name;
  }
  const auto missing = Get(components + "/other");
  EXPECT_EQ(missing.code, 404);
  EXPECT_EQ(missing.message(), "componentstatus \"other\" not found");
}

// Of what was patched twice the server hears when the patch is whole, and so who owns it.
TEST_F(KindBehaviourTest, OwnersThatAreSentTwiceAreDroppedLateFromAPatch) {
  const std::string maps = "/api/v1/namespaces/default/configmaps";
  const std::string owner = R"({"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u1"})";
  const std::string owners = R"({"metadata": {"name": "m", "ownerReferences": [)";
  const auto warning = [](const Answer& answer) {
    const auto found = answer.response.headers.find("Warning");
    return found == answer.response.headers.end() ? "" : found->second;
  };
  Post(maps, owners + owner + "]}}");
  const Answer put = Ask("PUT", maps + "/m?dryRun=All", owners + owner + ", " + owner + "]}}");
  EXPECT_NE(warning(put).find("duplicate entries; API"), std::string::npos) << warning(put);
  const Answer patched = Ask("PATCH", maps + "/m?dryRun=All", owners + owner + ", " + owner + "]}}",
                             "application/merge-patch+json");
  EXPECT_NE(warning(patched).find("duplicate entries after mutating admission happens; API"),
            std::string::npos)
      << warning(patched);
  EXPECT_EQ(patched.body["metadata"]["ownerReferences"].size(), 1u);
}

// What Go cannot turn into its own form of the object, it refuses before anything else.
TEST_F(KindBehaviourTest, TheTemplateGenerationOfADaemonSetIsANumber) {
  const std::string sets = "/apis/apps/v1/namespaces/default/daemonsets";
  const auto set = [](const std::string& generation) {
    return R"({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "d",
        "annotations": {"deprecated.daemonset.template.generation": ")" + generation + R"("}}, "spec": {"selector":
        {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}, "spec":
        {"containers": [{"name": "c", "image": "i"}]}}}})";
  };
  const std::string why = "strconv.ParseInt: parsing \"x\": invalid syntax";
  const std::string handled = "DaemonSet in version \"v1\" cannot be handled as a DaemonSet: ";
  EXPECT_EQ(Post(sets, set("x")).message(), handled + why);
  EXPECT_EQ(Post(sets, set("9223372036854775808")).message(),
            handled + "strconv.ParseInt: parsing \"9223372036854775808\": value out of range");
  const auto apply = [&](const std::string& generation) {
    return Ask("PATCH", sets + "/d?fieldManager=m&force=true", set(generation),
               "application/apply-patch+yaml");
  };
  const Answer applied = apply("x");
  EXPECT_EQ(applied.code, 500);
  EXPECT_EQ(applied.message(),
            "failed to convert to unversioned (/d; apps/v1, Kind=DaemonSet): " + why);
  const Answer made = Post(sets, set("+5"));
  EXPECT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(made.body["metadata"]["annotations"]["deprecated.daemonset.template.generation"], "5");
  EXPECT_EQ(Ask("PUT", sets + "/d", set("")).message(),
            handled + "strconv.ParseInt: parsing \"\": invalid syntax");
  const auto patch = [&](const char* media) {
    return Ask("PATCH", sets + "/d", R"({"metadata": {"annotations":
        {"deprecated.daemonset.template.generation": "x"}}})", media);
  };
  const Answer strategic = patch("application/strategic-merge-patch+json");
  EXPECT_EQ(strategic.code, 500);
  EXPECT_EQ(strategic.message(), why);
  const Answer merged = patch("application/merge-patch+json");
  EXPECT_EQ(merged.code, 422);
  EXPECT_TRUE(merged.message().ends_with(why)) << merged.message();
}

TEST_F(KindBehaviourTest, ARevisionThatADeploymentGoesBackToIsANumber) {
  const std::string deployments = "/apis/apps/v1/namespaces/default/deployments";
  const auto deployment = [](const std::string& revision) {
    return R"({"metadata": {"name": "d", "annotations": {"deprecated.deployment.rollback.to": ")" +
           revision + R"("}}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template":
        {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}})";
  };
  const Answer refused = Post(deployments, deployment("abc"));
  EXPECT_EQ(refused.code, 400);
  EXPECT_EQ(refused.message(),
            "Deployment in version \"v1\" cannot be handled as a Deployment: failed to parse "
            "annotation[deprecated.deployment.rollback.to]=abc as int64: strconv.ParseInt: parsing "
            "\"abc\": invalid syntax");
  const Answer made = Post(deployments, deployment("+5"));
  EXPECT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(made.body["metadata"]["annotations"]["deprecated.deployment.rollback.to"], "5");
  const Answer emptied = Ask("PUT", deployments + "/d", deployment(""));
  EXPECT_EQ(emptied.code, 200) << emptied.message();
  EXPECT_FALSE(emptied.body["metadata"].contains("annotations")) << emptied.body["metadata"];
}

TEST_F(KindBehaviourTest, AGatedPodSaysSinceWhen) {
  const auto pod = MakePod("p", R"("schedulingGates": [{"name": "g"}],)");
  EXPECT_EQ(pod.body["status"]["conditions"][0]["lastTransitionTime"], "2023-11-14T22:13:20Z");
}

TEST_F(KindBehaviourTest, ALogOfAPodWithoutNodeIsEmpty) {
  MakePod("p");
  EXPECT_EQ(Get(std::string(kPods) + "/p/log").code, 204);
  EXPECT_EQ(Get(std::string(kPods) + "/p/log?tailLines=-1").code, 422);
  EXPECT_EQ(Ask("PUT", std::string(kPods) + "/p/exec").code, 405);
  EXPECT_EQ(Get(std::string(kPods) + "/p/exec?container=z").message(),
            "container z is not valid for pod p");
}

TEST_F(KindBehaviourTest, AServiceKeepsWhatItWasGiven) {
  const auto made = Post(kServices, R"({"metadata": {"name": "s"}, "spec": {"type": "NodePort",
                                        "ports": [{"name": "a", "port": 80}]}})");
  const std::string body = R"({"metadata": {"name": "s"}, "spec": {"type": "NodePort",
                               "ports": [{"name": "a", "port": 81}]}})";
  const auto put = Ask("PUT", std::string(kServices) + "/s", body);
  ASSERT_EQ(put.code, 200) << put.body;
  EXPECT_EQ(put.body["spec"]["clusterIP"], made.body["spec"]["clusterIP"]);
  EXPECT_EQ(put.body["spec"]["ports"][0]["nodePort"], made.body["spec"]["ports"][0]["nodePort"]);
}

// Looking at all ports for each of them would take minutes.
TEST_F(KindBehaviourTest, ADryRunOfManyNodePortsComesToAnEnd) {
  std::string ports;
  for (int i = 1; i <= 30'000; ++i) {
    const std::string number = std::to_string(i);
    ports += (i > 1 ? R"(,{"name": "p)" : R"({"name": "p)") + number + R"(", "port": )" + number + "}";
  }
  const auto made = Post(std::string(kServices) + "?dryRun=All",
                         R"({"metadata": {"name": "many"}, "spec": {"type": "NodePort",
                             "ports": [)" + ports + "]}}");
  ASSERT_EQ(made.code, 201) << made.message();
  std::set<int> numbers;
  for (const Json& port : made.body["spec"]["ports"]) numbers.insert(port["nodePort"].get<int>());
  EXPECT_EQ(numbers.size(), 30'000u);
}

TEST_F(KindBehaviourTest, NodePortsAreSharedByTwinsAndByNobodyElse) {
  const auto twins = Post(kServices, R"({"metadata": {"name": "t"}, "spec": {"type": "NodePort",
      "ports": [{"name": "a", "port": 53, "nodePort": 30053},
                {"name": "b", "port": 53, "protocol": "UDP"}]}})");
  EXPECT_EQ(twins.body["spec"]["ports"][1]["nodePort"], 30053) << twins.body;
  const auto strangers = Post(kServices, R"({"metadata": {"name": "s"}, "spec": {"type": "NodePort",
      "ports": [{"name": "a", "port": 80, "nodePort": 30080},
                {"name": "b", "port": 81, "protocol": "UDP", "nodePort": 30080}]}})");
  EXPECT_EQ(strangers.message(),
            "Service \"s\" is invalid: spec.ports[1].nodePort: Invalid value: 30080: provided port "
            "is already allocated");
  // What the refused write had taken is free again.
  EXPECT_EQ(Post(kServices, R"({"metadata": {"name": "r"}, "spec": {"type": "NodePort",
                                "ports": [{"port": 80, "nodePort": 30080}]}})")
                .code,
            201);
  const auto twice = Ask("PATCH", std::string(kServices) + "/r",
                         R"({"spec": {"ports": [{"name": "a", "port": 80, "nodePort": 30081},
                             {"name": "b", "port": 81, "nodePort": 30081}]}})",
                         "application/merge-patch+json");
  EXPECT_EQ(twice.code, 500);
  EXPECT_EQ(twice.message(), "duplicate nodePort: {TCP 30081}");
}

TEST_F(KindBehaviourTest, AnEmptyListIsAFieldOfItsWriter) {
  const std::string slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
  const auto slice = Post(slices, R"({"metadata": {"name": "e"}, "addressType": "IPv4",
                                      "endpoints": []})");
  EXPECT_EQ(slice.body["metadata"]["managedFields"][0]["fieldsV1"],
            Json::parse(R"({"f:addressType": {}, "f:endpoints": {}})"));
  EXPECT_EQ(slice.body["endpoints"], nullptr);
  const auto cleared = Merge(slices + "/e", R"({"metadata": {"managedFields": []}})");
  EXPECT_EQ(Owners(cleared), 0u);
}

TEST_F(KindBehaviourTest, AScaleIsAppliedByWhoOwnsTheReplicas) {
  const std::string path = "/apis/apps/v1/namespaces/default/deployments";
  Post(path, R"({"metadata": {"name": "d"}, "spec": {"replicas": 1,
                 "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata":
                 {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}})");
  const std::string apply = "application/apply-patch+yaml";
  const std::string scale = R"({"apiVersion": "autoscaling/v1", "kind": "Scale",
                                "metadata": {"name": "d"}, "spec": {"replicas": 3}})";
  const auto conflict = Ask("PATCH", path + "/d/scale?fieldManager=m", scale, apply);
  EXPECT_EQ(conflict.code, 409);
  EXPECT_NE(conflict.message().find("using autoscaling/v1: .spec.replicas"), std::string::npos);
  EXPECT_EQ(Ask("PATCH", path + "/d/scale?fieldManager=m&force=true", scale, apply).code, 200);
  const Json now = Get(path + "/d").body;
  EXPECT_EQ(now["spec"]["replicas"], 3);
  bool owned = false;
  for (const Json& entry : now["metadata"]["managedFields"]) {
    if (entry["manager"] != "m") continue;
    owned = true;
    EXPECT_EQ(entry["subresource"], "scale");
    EXPECT_EQ(entry["apiVersion"], "apps/v1");
  }
  EXPECT_TRUE(owned);
  const auto table =
      Ask({.path = path + "/d/scale", .accept = "application/json;as=Table;v=v1;g=meta.k8s.io"});
  EXPECT_EQ(table.body["rows"][0]["cells"][1], 3);
}

TEST_F(KindBehaviourTest,
       NobodyOwnsReplicasThatAScaleSetToZeroSoThatWhoAppliesThemMeetsNoConflict) {
  const std::string path = "/apis/apps/v1/namespaces/default/deployments";
  const std::string deployment = R"({"apiVersion": "apps/v1", "kind": "Deployment",
      "metadata": {"name": "d"}, "spec": {"replicas": 2, "selector": {"matchLabels": {"a": "b"}},
      "template": {"metadata": {"labels": {"a": "b"}},
                   "spec": {"containers": [{"name": "c", "image": "i"}]}}}})";
  const auto owned = [&] { return Get(path + "/d").body["metadata"].dump().find("f:replicas"); };
  Post(path, deployment);
  const std::string scale = path + "/d/scale?fieldManager=scaler";
  EXPECT_EQ(Merge(scale, R"({"spec": {"replicas": 7}})").code, 200);
  EXPECT_NE(owned(), std::string::npos);
  EXPECT_EQ(Merge(scale, R"({"spec": {"replicas": 0}})").code, 200);
  EXPECT_EQ(owned(), std::string::npos);
  EXPECT_EQ(Merge(scale, R"({"spec": {"replicas": 5}})").code, 200);
  EXPECT_EQ(owned(), std::string::npos);
  const auto applied =
      Ask("PATCH", path + "/d?fieldManager=m", deployment, "application/apply-patch+yaml");
  EXPECT_EQ(applied.code, 200) << applied.message();
  EXPECT_EQ(applied.body["spec"]["replicas"], 2);
}

// Though nothing but the replicas is kept of it.
TEST_F(KindBehaviourTest, AllOfAScaleHasToBeRight) {
  const std::string path = "/apis/apps/v1/namespaces/default/deployments";
  Post(path, R"({"metadata": {"name": "d"}, "spec": {"replicas": 1,
                 "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata":
                 {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}})");
  const std::string scale = path + "/d/scale";
  const auto merged = Merge(scale, R"({"metadata": {"labels": {"a b": "c"}},
                                       "spec": {"replicas": -1}})");
  EXPECT_EQ(merged.code, 422);
  ASSERT_EQ(merged.body["details"]["causes"].size(), 2u) << merged.message();
  EXPECT_EQ(merged.body["details"]["causes"][0]["field"], "metadata.labels");
  EXPECT_EQ(merged.body["details"]["causes"][1]["field"], "spec.replicas");
  const auto sent = [&](const std::string& more, int replicas) {
    return Ask("PUT", scale, R"({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata":
        {"name": "d", "namespace": "default", )" + more + R"(}, "spec": {"replicas": )" +
                                 std::to_string(replicas) + "}}");
  };
  EXPECT_EQ(sent(R"("generateName": "X_")", 2).code, 422);
  const auto held = sent(R"("finalizers": ["foo"])", 2);
  ASSERT_EQ(held.code, 422);
  EXPECT_EQ(held.body["details"]["causes"][0]["field"], "metadata.finalizers[0]");
  EXPECT_EQ(sent(R"("uid": "x")", -1).code, 409) << "another object first";
  const auto other = Merge(scale, R"({"metadata": {"uid": "x"}})");
  EXPECT_EQ(other.message(),
            "Operation cannot be fulfilled on deployments/scale.apps \"d\": Precondition failed: "
            "UID in precondition: x, UID in object meta: " +
                Get(path + "/d").body["metadata"]["uid"].get<std::string>());
  EXPECT_EQ(Get(path + "/d").body["spec"]["replicas"], 1);
}

TEST_F(KindBehaviourTest, AKubeletSeesAndWritesWhatIsItsOwn) {
  const auto as_node = [&](const std::string& method, const std::string& path,
                           const std::string& body = "") {
    return Ask(method, path, body, body.empty() ? "" : "application/json", "node1");
  };
  const auto node = as_node("POST", kNodes, R"({"metadata": {"name": "node1",
                            "labels": {"kubernetes.io/hostname": "node1"}}})");
  ASSERT_EQ(node.code, 201) << node.body;
  EXPECT_EQ(as_node("GET", kPods).code, 403);
  EXPECT_EQ(as_node("GET", std::string(kPods) + "?fieldSelector=spec.nodeName=node1").code, 200);
  const auto mirror = [&](const std::string& uid) {
    return as_node(
        "POST", kPods,
        R"({"metadata": {"name": "m", "annotations": {"kubernetes.io/config.mirror": "h"},
                       "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "node1",
                       "uid": ")" +
            uid + R"(", "controller": true}]}, "spec": {"nodeName": "node1",
                       "containers": [{"name": "c", "image": "i"}]}})");
  };
  EXPECT_NE(mirror("wrong").message().find("UID mismatch: expected wrong"), std::string::npos);
  EXPECT_EQ(mirror(node.body["metadata"]["uid"]).code, 201);
}

TEST_F(KindBehaviourTest, NobodyIsCertifiedAsAMaster) {
  // O=system:masters, CN=bob
  const char* request =
      "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIaU1JR0tBZ0VBTUNneEZ6QVZCZ05WQkFvTURuTjVj"
      "M1JsYlRwdFlYTjBaWEp6TVEwd0N3WURWUVFEREFSaQpiM056TUZrd0V3WUhLb1pJemowQ0FRWUlLb1pJemowREFRY0RR"
      "Z0FFOG14T2FXcFROdm9OdVlMMHNTZ0VubEEzCmFJZEY3UG9vNU94dE1waHJuajVUOEtiTmlUSzRRTmgycmJGZnBTb01z"
      "dllyN0Q4YlVrSmRCeTBMZWR3NllLQUEKTUFvR0NDcUdTTTQ5QkFNQ0EwY0FNRVFDSUNrTVdNclFucGI1ODl4dnA2aGFs"
      "cnlIempuZWFzM0RmSHo1VHZ5cQo1UmRsQWlCY2N1THRNWFJ5OERTZzFDOTJuWnd1T0xnbDRFWGw0cXp3czEzVVQ1L0tM"
      "Zz09Ci0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo=";
  const auto refused = Post("/apis/certificates.k8s.io/v1/certificatesigningrequests",
                            R"({"metadata": {"name": "m"}, "spec": {"request": ")" +
                                std::string(request) + R"(", "usages": ["client auth"],
                                "signerName": "kubernetes.io/kube-apiserver-client"}})");
  EXPECT_EQ(refused.code, 403);
  EXPECT_NE(refused.message().find("system:masters group is not allowed"), std::string::npos);
}

TEST_F(KindBehaviourTest, TheFlowSchemasThatTheServerNeedsCannotBeChanged) {
  const std::string path = "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas/catch-all";
  const auto changed = Merge(path, R"({"spec": {"matchingPrecedence": 7}})");
  EXPECT_EQ(changed.code, 422);
  EXPECT_NE(changed.message().find("spec of 'catch-all' must equal the fixed value"),
            std::string::npos);
  EXPECT_EQ(Merge(path, R"({"metadata": {"labels": {"a": "b"}}})").code, 200);
}

TEST_F(KindBehaviourTest, AClaimForDevicesNamesWhatItWants) {
  const std::string claims = "/apis/resource.k8s.io/v1/namespaces/default/resourceclaims";
  const auto wrong = Post(claims, R"({"metadata": {"name": "c"}, "spec": {"devices": {"requests":
      [{"name": "a"}, {"name": "b", "exactly": {"deviceClassName": "c", "allocationMode": "All",
        "count": 3}}], "constraints": [{"requests": ["zz"], "matchAttribute": "nodomain"}]}}})");
  EXPECT_EQ(wrong.message(),
            "ResourceClaim.resource.k8s.io \"c\" is invalid: [spec.devices.requests[0]: Required "
            "value: exactly one of `exactly` or `firstAvailable` is required, "
            "spec.devices.requests[1].exactly.count: Invalid value: 3: must not be specified when "
            "allocationMode is 'All', spec.devices.constraints[0].requests[0]: Invalid value: "
            "\"zz\": must be the name of a request in the claim or the name of a request and a "
            "subrequest separated by '/', spec.devices.constraints[0].matchAttribute: Invalid "
            "value: \"nodomain\": a fully qualified name must be a domain and a name separated by "
            "a slash]");
  const std::string admin = R"({"metadata": {"name": "c"}, "spec": {"devices": {"requests":
      [{"name": "a", "exactly": {"deviceClassName": "c", "adminAccess": true}}]}}})";
  EXPECT_EQ(Post(claims, admin).code, 422);
  Merge("/api/v1/namespaces/default",
        R"({"metadata": {"labels": {"resource.kubernetes.io/admin-access": "true"}}})");
  EXPECT_EQ(Post(claims, admin).code, 201);
  EXPECT_EQ(Merge(claims + "/c", R"({"spec": {"devices": {"requests": null}}})")
                .body["details"]["causes"][0]["field"],
            "spec");
}

TEST_F(KindBehaviourTest, AnUpdateThatBringsAPodUnderAQuotaMustSayWhatItUses) {
  Post("/api/v1/namespaces/default/resourcequotas",
       R"({"metadata": {"name": "q"}, "spec": {"hard": {"limits.cpu": "1"},
           "scopes": ["Terminating"]}})");
  Merge("/api/v1/namespaces/default/resourcequotas/q/status",
        R"({"status": {"hard": {"limits.cpu": "1"}, "used": {"limits.cpu": "0"}}})");
  EXPECT_EQ(MakePod("p").code, 201);
  const auto changed =
      Merge(std::string(kPods) + "/p", R"({"spec": {"activeDeadlineSeconds": 9}})");
  EXPECT_EQ(changed.message(),
            "pods \"p\" is forbidden: failed quota: q: must specify limits.cpu for: c");
}

TEST_F(KindBehaviourTest, NobodyGrantsWhatTheyDoNotHold) {
  const std::string rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/";
  Post(rbac + "roles", R"({"metadata": {"name": "keeper"}, "rules": [
      {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"],
       "verbs": ["create", "update", "patch", "get"]},
      {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]})");
  Post(rbac + "rolebindings", R"({"metadata": {"name": "keeper"}, "roleRef":
      {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "keeper"},
      "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "alice"}]})");
  const auto as_alice = [&](const std::string& path, const std::string& body) {
    return Ask("POST", rbac + path, body, "application/json", "alice");
  };
  const auto more = as_alice("roles", R"({"metadata": {"name": "r"}, "rules": [
      {"apiGroups": [""], "resources": ["pods", "secrets"], "verbs": ["get", "list"]}]})");
  EXPECT_EQ(more.code, 403);
  EXPECT_EQ(more.message(),
            "roles.rbac.authorization.k8s.io \"r\" is forbidden: user \"alice\" (groups=[\"dev\" "
            "\"system:authenticated\"]) is attempting to grant RBAC permissions not currently "
            "held:\n{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"list\"]}\n{APIGroups:[\"\"], "
            "Resources:[\"secrets\"], Verbs:[\"get\" \"list\"]}");
  EXPECT_EQ(as_alice("roles", R"({"metadata": {"name": "r"}, "rules": [
                {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]})")
                .code,
            201);
  const auto bind = [&](const char* kind, const char* role) {
    return as_alice("rolebindings", R"({"metadata": {"generateName": "b"}, "roleRef":
        {"apiGroup": "rbac.authorization.k8s.io", "kind": ")" +
                                        std::string(kind) + R"(", "name": ")" + role +
                                        R"("}, "subjects": []})");
  };
  EXPECT_EQ(bind("ClusterRole", "cluster-admin").code, 403);
  EXPECT_EQ(bind("ClusterRole", "none").code, 404);
  EXPECT_EQ(bind("Role", "r").code, 201);
}

}  // namespace
}  // namespace skiff
