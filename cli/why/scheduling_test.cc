#include "cli/why/why_fixture.h"

namespace skiff::cli::why {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class WhySchedulingTest : public WhyTest {
 protected:
  void AddNode(const std::string& name, const std::string& more = "") {
    Add("nodes", "{metadata: {name: " + name + ", labels: {zone: a}}, spec: {" + more +
                     "}, status: {allocatable: {cpu: '4', memory: 8Gi, pods: '110'}}}");
  }
  void AddPodOn(const std::string& node, const std::string& cpu) {
    Add("pods", "{metadata: {name: other}, spec: {nodeName: " + node +
                    ", containers: [{name: c, resources: {requests: {cpu: '" + cpu + "'}}}]}}");
  }
  // One that the scheduler found no node for.
  std::string Pending(const std::string& spec, const std::string& reasons = "3 of them") {
    return Why(
        "{kind: Pod, metadata: {name: web, creationTimestamp: '2026-01-02T02:00:00Z'}, "
        "spec: {" +
        spec +
        "}, status: {phase: Pending, conditions: [{type: PodScheduled, status: 'False', "
        "message: \"0/3 nodes are available: " +
        reasons + ".\", lastTransitionTime: '2026-01-02T02:59:00Z'}]}}");
  }
};

constexpr char kWantsTwo[] = "containers: [{name: m, resources: {requests: {cpu: '2'}}}]";

TEST_F(WhySchedulingTest, TooLittleCpuIsSaidWithNumbers) {
  for (const char* node : {"n1", "n2", "n3"}) AddNode(node);
  AddPodOn("n1", "3500m");
  AddPodOn("n2", "3200m");
  AddPodOn("n3", "4");
  const std::string text = Pending(kWantsTwo);
  EXPECT_THAT(text, StartsWith("pod/web is pending: it wants 2 cpu, and no node of 3 has more than "
                               "800m free.\n"));
  EXPECT_THAT(text, HasSubstr("cpu: it wants 2, n2 has 800m free of 4, short by 1200m  "));
  EXPECT_THAT(text, HasSubstr("the scheduler says: 0/3 nodes are available: 3 of them  [condition "
                              "PodScheduled, for 60s]"));
  EXPECT_EQ(first().cause, "Unschedulable");
}

TEST_F(WhySchedulingTest, EachCauseIsCountedByNodes) {
  AddNode("n1");
  AddPodOn("n1", "3");
  AddNode("n2", "taints: [{key: a, value: b, effect: NoSchedule}]");
  AddNode("n3", "unschedulable: true");
  AddNode("n4", "taints: [{key: soft, effect: PreferNoSchedule}], unschedulable: true");
  const std::string text = Pending(kWantsTwo);
  EXPECT_THAT(text,
              StartsWith("pod/web is pending: none of 4 nodes takes it: 2 are cordoned, 1 has "
                         "too little cpu, 1 has a taint that it does not tolerate: "
                         "a=b:NoSchedule.\n"));
  EXPECT_THAT(text, HasSubstr("skiff uncordon n3\n"));
}

TEST_F(WhySchedulingTest, TolerationsAreCounted) {
  AddNode("n1", "taints: [{key: a, value: b, effect: NoSchedule}]");
  AddPodOn("n1", "3");
  EXPECT_THAT(Pending(std::string("tolerations: [{key: a, operator: Exists}], ") + kWantsTwo),
              StartsWith("pod/web is pending: it wants 2 cpu, and the only node has 1 free.\n"));
}

TEST_F(WhySchedulingTest, LabelsThatNoNodeHas) {
  AddNode("n1");
  EXPECT_THAT(Pending("nodeSelector: {zone: b}, containers: [{name: m}]"),
              StartsWith("pod/web is pending: the only node has no label zone=b, as nodeSelector "
                         "asks for.\n"));
}

TEST_F(WhySchedulingTest, PortsOfNodesThatAreTaken) {
  AddNode("n1");
  Add("pods",
      "{metadata: {name: o}, spec: {nodeName: n1, containers: [{name: c, ports: [{containerPort: "
      "80, hostPort: 80, protocol: TCP}]}]}}");
  EXPECT_THAT(Pending("containers: [{name: m, ports: [{containerPort: 80, hostPort: 80, protocol: "
                      "TCP}]}]"),
              HasSubstr("the only node has its port 80/TCP taken already (hostPort)"));
  EXPECT_THAT(TextFor(explanation_), HasSubstr("pod o in default has it on n1  [pods]\n"));
}

TEST_F(WhySchedulingTest, OfADaemonsPodItsOwnNodeIsLookedAtAlone) {
  AddNode("n1");
  AddNode("n2");
  AddNode("n3", "unschedulable: true");
  AddPodOn("n2", "3500m");
  const std::string affinity =
      ", affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
      "{nodeSelectorTerms: [{matchFields: [{key: metadata.name, operator: In, values: "
      "[NODE]}]}]}}}";
  const auto bound_to = [&](const std::string& node) {
    std::string spec = kWantsTwo + affinity;
    return Pending(spec.replace(spec.find("NODE"), 4, node));
  };
  EXPECT_THAT(bound_to("n2"),
              StartsWith("pod/web is pending: it wants 2 cpu, and node n2, which it "
                         "is for, has 500m free.\n"));
  EXPECT_THAT(TextFor(explanation_), Not(HasSubstr("n1")));
  EXPECT_THAT(bound_to("n3"),
              StartsWith("pod/web is pending: node n3, which it is for, is cordoned.\n"));
  EXPECT_THAT(bound_to("n9"), HasSubstr("required node affinity: metadata.name=n9"))
      << "a node that is not there";
}

TEST_F(WhySchedulingTest, PodsThatHaveEndedTakeNoRoom) {
  AddNode("n1");
  Add("pods",
      "{metadata: {name: o}, spec: {nodeName: n1, containers: [{name: c, resources: {requests: "
      "{cpu: '4'}}}]}, status: {phase: Succeeded}}");
  const std::string text = Pending(kWantsTwo);
  EXPECT_THAT(text,
              StartsWith("pod/web is pending: the scheduler finds no node for it: 3 of them.\n"));
  EXPECT_THAT(text, HasSubstr("1 node: n1]"));
}

TEST_F(WhySchedulingTest, WithoutRightsToSeePodsWholeNodesCount) {
  AddNode("n1");
  EXPECT_THAT(Pending("containers: [{name: m, resources: {requests: {cpu: '9'}}}]"),
              HasSubstr("short by 5  [allocatable]\n"));
}

TEST_F(WhySchedulingTest, AClusterWithoutNodes) {
  None("nodes");
  EXPECT_THAT(Pending(kWantsTwo), StartsWith("pod/web is pending: the cluster has no nodes.\n"));
}

TEST_F(WhySchedulingTest, NobodyHasLookedAtIt) {
  AddNode("n1");
  None("pods");
  const std::string pod =
      "{kind: Pod, metadata: {name: web, creationTimestamp: '2026-01-02T02:00:00Z'}, spec: "
      "{schedulerName: mine, containers: [{name: m}]}, status: {phase: Pending}}";
  EXPECT_THAT(Why(pod), StartsWith("pod/web is pending, and the scheduler mine that it asks for "
                                   "has not looked at it: does it run?\n"));
}

TEST_F(WhySchedulingTest, GatesHoldItBack) {
  EXPECT_THAT(Pending("schedulingGates: [{name: acme.io/quota}]"),
              StartsWith("pod/web is held back until somebody takes its scheduling gate "
                         "acme.io/quota away.\n"));
  EXPECT_EQ(first().weight, Weight::kWaits);
  EXPECT_THAT(first().commands,
              testing::ElementsAre("skiff patch pod web -p "
                                   "'{\"spec\":{\"schedulingGates\":null}}' -n default"));
}

TEST_F(WhySchedulingTest, AClaimThatDoesNotExistOrIsNotBound) {
  AddNode("n1");
  None("persistentvolumeclaims");
  const std::string with_claim =
      "volumes: [{name: data, persistentVolumeClaim: {claimName: data}}], containers: [{name: m}]";
  EXPECT_THAT(Pending(with_claim), StartsWith("pod/web is pending: there is no claim data, which "
                                              "its volume data names.\n"));
  Add("persistentvolumeclaims",
      "{kind: PersistentVolumeClaim, metadata: {name: data}, spec: {storageClassName: fast}, "
      "status: {phase: Pending}}");
  None("storageclasses");
  const std::string text = Pending(with_claim);
  EXPECT_THAT(text, StartsWith("pod/web is pending: its claim data is not bound.\n"));
  EXPECT_THAT(text, HasSubstr("there is no storage class fast, which it names.\n"));
}

TEST_F(WhySchedulingTest, AClaimThatWaitsForThePodIsNoObstacle) {
  AddNode("n1");
  AddPodOn("n1", "3");
  Add("persistentvolumeclaims",
      "{kind: PersistentVolumeClaim, metadata: {name: data}, spec: {storageClassName: late}, "
      "status: {phase: Pending}}");
  Add("storageclasses", "{metadata: {name: late}, volumeBindingMode: WaitForFirstConsumer}");
  const std::string text = Pending(
      std::string("volumes: [{name: d, persistentVolumeClaim: {claimName: data}}], ") + kWantsTwo);
  EXPECT_THAT(text, StartsWith("pod/web is pending: it wants 2 cpu, and the only node has 1 free"));
  EXPECT_THAT(text, Not(HasSubstr("claim")));
}

TEST_F(WhySchedulingTest, ItsNodeIsChosenAndItsVolumeIsStillToBeMade) {
  AddNode("n1");
  None("pods");
  Add("persistentvolumeclaims",
      "{kind: PersistentVolumeClaim, metadata: {name: data}, spec: {storageClassName: late}, "
      "status: {phase: Pending}}");
  Add("storageclasses", "{metadata: {name: late}, volumeBindingMode: WaitForFirstConsumer}");
  const std::string text = Why(
      "{kind: Pod, metadata: {name: web, creationTimestamp: '2026-01-02T02:00:00Z'}, spec: "
      "{volumes: [{name: d, persistentVolumeClaim: {claimName: data}}], containers: [{name: m}]}, "
      "status: {phase: Pending, nominatedNodeName: n1}}");
  EXPECT_THAT(text, StartsWith("pod/web is pending: its node is chosen, and what it needs there is "
                               "not ready yet.\n"));
  EXPECT_THAT(text, HasSubstr("it is to go to node n1  [status.nominatedNodeName]\n"));
  EXPECT_THAT(text, HasSubstr("Pending  [persistentvolumeclaim/data status.phase]\n"));
  EXPECT_EQ(first().weight, Weight::kWaits);
}

TEST_F(WhySchedulingTest, AVolumeThatIsOnAnotherNode) {
  AddNode("n1");
  None("pods");
  Add("persistentvolumeclaims",
      "{kind: PersistentVolumeClaim, metadata: {name: data}, spec: {volumeName: v1}, "
      "status: {phase: Bound}}");
  Add("persistentvolumes",
      "{metadata: {name: v1}, spec: {nodeAffinity: {required: {nodeSelectorTerms: "
      "[{matchExpressions: [{key: zone, operator: In, values: [b]}]}]}}}}");
  EXPECT_THAT(Pending("volumes: [{name: d, persistentVolumeClaim: {claimName: data}}], containers: "
                      "[{name: m}]"),
              HasSubstr("the only node cannot reach volume v1, which is for other nodes.\n"));
  EXPECT_THAT(TextFor(explanation_),
              HasSubstr("is for nodes with zone=b  [persistentvolume/v1 spec.nodeAffinity]\n"));
  EXPECT_THAT(TextFor(explanation_), Not(HasSubstr("without that")));
  EXPECT_THAT(TextFor(explanation_), HasSubstr("try: skiff describe persistentvolumes\n"));
}

TEST_F(WhySchedulingTest, WhatAffinityAsksForIsNamed) {
  AddNode("n1");
  const std::string text = Pending(
      "containers: [{name: m}], affinity: {nodeAffinity: "
      "{requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: "
      "[{key: disk, operator: In, values: [ssd]}, {key: old, operator: DoesNotExist}]}, "
      "{matchExpressions: [{key: cores, operator: Gt, values: ['4']}]}]}}}");
  EXPECT_THAT(text,
              StartsWith("pod/web is pending: the only node does not match the pod's required "
                         "node affinity: disk=ssd and !old, or cores > 4.\n"));
}

TEST_F(WhySchedulingTest, RulesAboutOtherPodsAreToldByTheSchedulersWords) {
  AddNode("n1");
  const std::string text =
      Why("{kind: Pod, metadata: {name: web}, spec: {containers: [{name: m}]}, status: {phase: "
          "Pending, conditions: [{type: PodScheduled, status: 'False', message: '0/1 nodes are "
          "available: 1 node(s) didn''t match pod affinity rules.'}]}}");
  EXPECT_THAT(text,
              StartsWith("pod/web is pending: it is to be beside other pods (podAffinity), and "
                         "no node that it could go to has them.\n"));
  EXPECT_THAT(text, HasSubstr("try: skiff get pods --show-labels -o wide -n default\n"));
}

TEST_F(WhySchedulingTest, WhoHasTheClaimOfOnePodAloneIsNamed) {
  AddNode("n1");
  const std::string volume = "volumes: [{name: d, persistentVolumeClaim: {claimName: data}}], ";
  Add("pods", "{metadata: {name: first}, spec: {" + volume + "containers: [{name: c}]}}");
  Add("persistentvolumeclaims",
      "{kind: PersistentVolumeClaim, metadata: {name: data}, status: {phase: Bound}}");
  EXPECT_THAT(
      Pending(volume + "containers: [{name: m}]",
              "1 node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access "
              "mode already in-use by another pod"),
      HasSubstr("used by first  [persistentvolumeclaim/data]\n"));
}

TEST_F(WhySchedulingTest, LabelsThatItIsToBeBesideAndNobodyHasAreNamed) {
  AddNode("n1");
  None("pods");
  const auto pending = [&](const std::string& affinity) {
    return Pending("containers: [{name: m}], affinity: {" + affinity +
                       ": {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: "
                       "{matchLabels: {app: db}}, topologyKey: rack}]}}",
                   affinity == "podAffinity" ? "1 node(s) didn't match pod affinity rules"
                                             : "1 node(s) didn't match pod anti-affinity rules");
  };
  EXPECT_THAT(pending("podAffinity"),
              HasSubstr("no other pod of its namespace has app=db  [pods]\n"));
  EXPECT_THAT(TextFor(explanation_),
              HasSubstr("beside app=db, by rack  [spec.affinity.podAffinity]"));
  Add("pods", "{metadata: {name: d, labels: {app: db}}, spec: {containers: [{name: c}]}}");
  EXPECT_THAT(pending("podAffinity"), Not(HasSubstr("no other pod")));
  EXPECT_THAT(pending("podAntiAffinity"),
              HasSubstr("not beside app=db, by rack  [spec.affinity.podAntiAffinity]"));
}

TEST_F(WhySchedulingTest, SpreadingByALabelThatNoNodeHas) {
  AddNode("n1");
  const std::string spec =
      "topologySpreadConstraints: [{topologyKey: rack, maxSkew: 1, whenUnsatisfiable: "
      "DoNotSchedule}], containers: [{name: m}]";
  const std::string too_many = "1 node(s) didn't match pod topology spread constraints";
  std::string text = Pending(spec, too_many + " (missing required label)");
  EXPECT_THAT(text, StartsWith("pod/web is pending: no node that it could go to has the label that "
                               "it is to be spread by (topologySpreadConstraints).\n"));
  EXPECT_THAT(text, HasSubstr("by rack, with a skew of 1 at most  ["));
  for (const std::string& both : {too_many + ", " + too_many + " (missing required label)",
                                  too_many + " (missing required label), " + too_many}) {
    EXPECT_THAT(Pending(spec, both), HasSubstr("it would be one too many"));
  }
}

TEST_F(WhySchedulingTest, WhatTheSchedulerAloneKnowsIsInTheSentence) {
  AddNode("n1");
  EXPECT_THAT(
      Pending("containers: [{name: m}]",
              "request r: device class none does not exist. no new claims to deallocate"),
      StartsWith("pod/web is pending: the scheduler finds no node for it: request r: device "
                 "class none does not exist.\n"));
}

TEST_F(WhySchedulingTest, ClaimsThatNoVolumeIsThereFor) {
  AddNode("n1");
  Add("persistentvolumeclaims",
      "{kind: PersistentVolumeClaim, metadata: {name: data}, spec: {storageClassName: hand, "
      "accessModes: [ReadWriteOnce], resources: {requests: {storage: 2Gi}}}, status: {phase: "
      "Pending}}");
  Add("storageclasses",
      "{metadata: {name: hand}, provisioner: kubernetes.io/no-provisioner, volumeBindingMode: "
      "WaitForFirstConsumer}");
  None("persistentvolumes");
  const std::string spec =
      "volumes: [{name: d, persistentVolumeClaim: {claimName: data}}], containers: [{name: m}]";
  const std::string words = "1 node(s) didn't find available persistent volumes to bind";
  std::string text = Pending(spec, words);
  EXPECT_THAT(text, StartsWith("pod/web is pending: its claims find no volume on the nodes that it "
                               "could go to.\n"));
  EXPECT_THAT(text,
              HasSubstr("persistentvolumeclaim/data is pending: no volume of class hand fits"));
  Add("persistentvolumes",
      "{metadata: {name: far}, spec: {storageClassName: hand, capacity: {storage: 4Gi}, "
      "accessModes: [ReadWriteOnce]}}");
  text = Pending(spec, words);
  EXPECT_THAT(text, HasSubstr("far would suit it, and is for other nodes  "
                              "[persistentvolumeclaim/data]\n"));
  EXPECT_EQ(explanation_.findings.size(), 1U);
}

TEST_F(WhySchedulingTest, AProvisionerThatIsGoneHoldsThePodWhoseNodeIsChosen) {
  AddNode("n1");
  None("pods");
  None("csidrivers");
  Add("persistentvolumeclaims",
      "{kind: PersistentVolumeClaim, metadata: {name: data, annotations: "
      "{volume.kubernetes.io/selected-node: n1}}, spec: {storageClassName: late}, status: {phase: "
      "Pending}}");
  Add("storageclasses",
      "{metadata: {name: late}, provisioner: csi.cloud, volumeBindingMode: WaitForFirstConsumer}");
  AddEvent("PersistentVolumeClaim/data", "ExternalProvisioning", "Waiting for a volume");
  const std::string text = Why(
      "{kind: Pod, metadata: {name: web, creationTimestamp: '2026-01-02T02:00:00Z'}, spec: "
      "{volumes: [{name: d, persistentVolumeClaim: {claimName: data}}], containers: [{name: m}]}, "
      "status: {phase: Pending, nominatedNodeName: n1}}");
  EXPECT_THAT(text, StartsWith("pod/web is pending: its node is chosen, and what it needs there is "
                               "not ready yet.\n"));
  EXPECT_THAT(text, HasSubstr("provisioner csi.cloud, of which there is no sign here.\n"));
  EXPECT_EQ(first().weight, Weight::kWrong);
  const std::string given_up = Why(
      "{kind: Pod, metadata: {name: web}, spec: {volumes: [{name: d, persistentVolumeClaim: "
      "{claimName: data}}], containers: [{name: m}]}, status: {phase: Pending, nominatedNodeName: "
      "n1, conditions: [{type: PodScheduled, status: 'False', message: 'running PreBind plugin "
      "\"VolumeBinding\": binding volumes: context deadline exceeded'}]}}");
  EXPECT_THAT(given_up,
              StartsWith("pod/web is pending: a node was chosen, and its volumes were not "
                         "made ready there in time.\n"));
  EXPECT_THAT(given_up, HasSubstr("provisioner csi.cloud, of which there is no sign here.\n"));
}

TEST_F(WhySchedulingTest, ResourceClaimsThatAreNotThere) {
  AddNode("n1");
  None("resourceclaims");
  None("resourceclaimtemplates");
  const auto why = [&](const std::string& source) {
    return Why(
        "{kind: Pod, metadata: {name: web, creationTimestamp: '2026-01-02T02:00:00Z'}, spec: "
        "{containers: [{name: m}], resourceClaims: [{name: gpu, " +
        source + "}]}, status: {phase: Pending}}");
  };
  EXPECT_THAT(why("resourceClaimName: one"),
              StartsWith("pod/web is pending: there is no claim one, which its resource claim gpu "
                         "names.\n"));
  AddEvent("Pod/web", "FailedResourceClaimCreation", "template \"one\": not found");
  EXPECT_THAT(why("resourceClaimTemplateName: one"),
              StartsWith("pod/web is pending: there is no template one, which its resource claim "
                         "gpu names.\n  no such template  [spec.resourceClaims]\n  template \"one\""
                         ": not found  [event FailedResourceClaimCreation"));
  Add("resourceclaims", "{metadata: {name: one}}");
  EXPECT_THAT(why("resourceClaimName: one"), HasSubstr("has not looked at it"));
  Add("resourceclaimtemplates", "{metadata: {name: one}}");
  EXPECT_THAT(why("resourceClaimTemplateName: one"),
              StartsWith("pod/web is pending: no claim has been made for it of the template one "
                         "yet.\n"));
  EXPECT_EQ(first().weight, Weight::kWaits);
}

TEST_F(WhySchedulingTest, AResourceClaimThatWasFoundNotToBeNeededIsNotMissing) {
  AddNode("n1");
  None("resourceclaims");
  None("resourceclaimtemplates");
  const auto why = [&](const std::string& status) {
    return Why(
        "{kind: Pod, metadata: {name: web, creationTimestamp: '2026-01-02T02:00:00Z'}, spec: "
        "{containers: [{name: m}], resourceClaims: [{name: gpu, resourceClaimTemplateName: one}]}, "
        "status: {phase: Pending, resourceClaimStatuses: [" +
        status + "]}}");
  };
  EXPECT_THAT(why("{name: gpu}"), HasSubstr("has not looked at it"));
  EXPECT_THAT(why("{name: gpu, resourceClaimName: web-gpu-x}"), HasSubstr("has not looked at it"));
  EXPECT_THAT(why("{name: other}"), HasSubstr("there is no template one"));
}

TEST_F(WhySchedulingTest, ATaintOfOnesOwnCanBeTakenAway) {
  AddNode("n1", "taints: [{key: a, value: b, effect: NoSchedule}]");
  EXPECT_THAT(Pending("containers: [{name: m}]"),
              HasSubstr("try: skiff taint node n1 a=b:NoSchedule-\n"));
}

TEST_F(WhySchedulingTest, ANodeIsNotOpenedThatThePodCouldNotGoToAllTheSame) {
  AddNode("n1",
          "unschedulable: true, taints: [{key: node.kubernetes.io/unschedulable, "
          "effect: NoSchedule}]");
  AddNode("n2", "taints: [{key: a, value: b, effect: NoSchedule}]");
  const std::string text = Pending("nodeSelector: {zone: b}, containers: [{name: m}]");
  EXPECT_THAT(text, HasSubstr("without that n1 has no label zone=b, as nodeSelector asks for"));
  EXPECT_THAT(text, HasSubstr("without that n2 has no label zone=b, as nodeSelector asks for"));
  EXPECT_THAT(first().commands, testing::IsEmpty());
  AddNode("n3", "unschedulable: true");
  const std::string fits = Pending("containers: [{name: m}]");
  EXPECT_THAT(fits, testing::Not(HasSubstr("without that")));
  EXPECT_THAT(first().commands,
              testing::ElementsAre("skiff uncordon n1", "skiff taint node n2 a=b:NoSchedule-"));
}

}  // namespace
}  // namespace skiff::cli::why
