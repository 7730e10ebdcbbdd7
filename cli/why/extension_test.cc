// Requests for certificates, definitions of kinds, and webhooks.
#include "cli/why/why_fixture.h"

namespace skiff::cli::why {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class WhyExtensionTest : public WhyTest {
 protected:
  std::string Request(const std::string& status, const std::string& signer) {
    return Why(
        "{kind: CertificateSigningRequest, apiVersion: certificates.k8s.io/v1, metadata: {name: "
        "jane, creationTimestamp: '2026-01-02T02:58:00Z'}, spec: {username: ann, signerName: " +
        signer + "}, status: {" + status + "}}");
  }
  static std::string Verdict(const std::string& type, const std::string& message = "") {
    return "{type: " + type + ", status: 'True', reason: Because, message: '" + message +
           "', lastTransitionTime: '2026-01-02T02:59:00Z'}";
  }
  std::string Webhooks(const std::string& policy) {
    return Why(
        "{kind: ValidatingWebhookConfiguration, apiVersion: admissionregistration.k8s.io/v1, "
        "metadata: {name: guard}, webhooks: [{name: a.example.com, failurePolicy: " +
        policy +
        ", clientConfig: {service: {namespace: default, name: guard, port: 443}}, rules: "
        "[{apiGroups: ['', apps], resources: [pods], operations: [CREATE, UPDATE]}]}]}");
  }
};

TEST_F(WhyExtensionTest, ARequestThatNobodyHasApproved) {
  const std::string text = Request("", "kubernetes.io/kube-apiserver-client");
  EXPECT_THAT(text, StartsWith("certificatesigningrequest/jane waits for somebody to approve it.\n"
                               "  asked 2m ago by ann  [spec.username]\n"
                               "  kubernetes.io/kube-apiserver-client  [spec.signerName]\n"));
  EXPECT_THAT(text, HasSubstr("skiff certificate approve jane\n"));
  EXPECT_EQ(first().weight, Weight::kWaits);
}

TEST_F(WhyExtensionTest, ARequestThatNobodySigns) {
  const std::string approved = "conditions: [" + Verdict("Approved") + "]";
  EXPECT_THAT(Request(approved, "example.com/own"),
              StartsWith("certificatesigningrequest/jane is approved, and waits for "
                         "example.com/own to sign it: nobody of the cluster's own does that for "
                         "this signer; does that program run?\n"));
  EXPECT_THAT(Request(approved, "kubernetes.io/kubelet-serving"),
              StartsWith("certificatesigningrequest/jane is approved, and the controller manager "
                         "has not signed it yet.\n"));
  EXPECT_FALSE(explanation_.healthy());
  EXPECT_THAT(Request(approved, "kubernetes.io/of-mine"), HasSubstr("does that program run?"));
  EXPECT_THAT(Request(approved + ", certificate: eA==", "example.com/own"),
              StartsWith("certificatesigningrequest/jane is approved and signed; nothing is"));
  EXPECT_TRUE(explanation_.healthy());
}

TEST_F(WhyExtensionTest, ARequestThatIsDeniedOrRefused) {
  EXPECT_THAT(
      Request("conditions: [" + Verdict("Denied", "nobody knows jane") + "]", "example.com/own"),
      StartsWith("certificatesigningrequest/jane was denied: nobody knows jane.\n"
                 "  Denied (Because)  [status.conditions]\n"));
  EXPECT_THAT(Request("conditions: [" + Verdict("Denied") + "]", "example.com/own"),
              StartsWith("certificatesigningrequest/jane was denied, and nobody said why.\n"));
  EXPECT_THAT(Request("conditions: [" + Verdict("Approved") + ", " +
                          Verdict("Failed", "no organization.") + "]",
                      "kubernetes.io/kubelet-serving"),
              StartsWith("certificatesigningrequest/jane was refused by its signer: no "
                         "organization.\n"));
  EXPECT_EQ(first().weight, Weight::kWrong);
}

TEST_F(WhyExtensionTest, ADefinitionWhoseNameAnotherHas) {
  const std::string definition =
      "{kind: CustomResourceDefinition, apiVersion: apiextensions.k8s.io/v1, metadata: {name: "
      "crates.example.com}, spec: {group: example.com}, status: {conditions: [{type: "
      "NamesAccepted, status: 'False', reason: ListKindConflict, message: '\"BoxList\" is already "
      "in use'}, {type: Established, status: 'False', reason: NotAccepted, message: not all names "
      "are accepted}]}}";
  EXPECT_EQ(Why(definition),
            "customresourcedefinition/crates.example.com is not served: of its names, \"BoxList\" "
            "is already in use.\n"
            "  NamesAccepted is False (ListKindConflict) for some time  [status.conditions]\n"
            "  try: skiff edit customresourcedefinition/crates.example.com\n");
  Add("customresourcedefinitions",
      "{kind: CustomResourceDefinition, metadata: {name: boxes.other.com}, spec: {group: "
      "other.com}, status: {acceptedNames: {listKind: BoxList}}}");
  EXPECT_THAT(Why(definition), Not(HasSubstr("has it")));
  Add("customresourcedefinitions",
      "{kind: CustomResourceDefinition, metadata: {name: boxes.example.com}, spec: {group: "
      "example.com}, status: {acceptedNames: {plural: boxes, listKind: BoxList}}}");
  EXPECT_THAT(Why(definition), HasSubstr("customresourcedefinition/boxes.example.com has it  "
                                         "[status.acceptedNames]\n"));
}

TEST_F(WhyExtensionTest, AWebhookWhoseServiceIsNotThere) {
  None("services");
  std::string text = Webhooks("Fail");
  EXPECT_THAT(text, StartsWith("validatingwebhookconfiguration/guard has every CREATE and UPDATE "
                               "of pods, pods.apps refused, as a.example.com cannot be asked: "
                               "service/guard in namespace default does not exist.\n"
                               "  Fail  [failurePolicy of a.example.com]\n"));
  EXPECT_THAT(text, HasSubstr("skiff delete validatingwebhookconfiguration/guard\n"));
  EXPECT_EQ(first().weight, Weight::kWrong);
  EXPECT_THAT(Webhooks("Fail, timeoutSeconds: 30"),
              HasSubstr("  each of these writes may wait 30s for it first  [timeoutSeconds of "));
  EXPECT_THAT(Webhooks("Fail, namespaceSelector: {matchLabels: {a: b}}"),
              HasSubstr("of pods, pods.apps that it selects refused, as"));
  EXPECT_THAT(Webhooks("Fail, namespaceSelector: {}"), HasSubstr("of pods, pods.apps refused, as"));
  text = Webhooks("Ignore");
  EXPECT_THAT(text, HasSubstr("a.example.com cannot be asked, and is passed over: service/guard"));
  EXPECT_TRUE(explanation_.healthy());
  facts_.lists.erase("services");
  facts_.unread["services"] = "you may not see them";
  EXPECT_THAT(Webhooks("Fail"), Not(HasSubstr("does not exist")));
  EXPECT_THAT(Webhooks("Fail"), HasSubstr("whether a.example.com can be asked is not seen"));
}

TEST_F(WhyExtensionTest, WebhooksAreLookedForWhereTheirServicesAre) {
  const auto webhook = [](const std::string& client) {
    return "{name: a, clientConfig: {" + client + "}}";
  };
  const auto looked = [](const std::string& webhooks) {
    return NamespacesOfWebhooks(Parsed("{webhooks: [" + webhooks + "]}"));
  };
  const std::string one = webhook("service: {namespace: x, name: s}");
  const std::string other = webhook("service: {namespace: z, name: s}");
  EXPECT_THAT(looked(webhook("url: 'https://example.com'")), testing::IsEmpty());
  EXPECT_THAT(looked(one + ", " + other + ", " + one), testing::ElementsAre("x", "z"));
}

TEST_F(WhyExtensionTest, AWebhookThatNothingAnswersFor) {
  None("pods");
  None("endpointslices");
  const std::string service =
      "{kind: Service, metadata: {name: guard}, spec: {selector: {app: guard}, ports: [{port: ";
  Add("services", service + "8443}]}}");
  EXPECT_THAT(Webhooks("Fail"), HasSubstr("cannot be asked: service/guard has no port 443.\n"));
  facts_.lists["services"].clear();
  Add("services", service + "443}]}}");
  const std::string text = Webhooks("Fail");
  EXPECT_THAT(text, HasSubstr("cannot be asked: service/guard reaches nothing: no pod has the"));
  EXPECT_THAT(text, HasSubstr("try: skiff why service/guard -n default\n"));
}

TEST_F(WhyExtensionTest, AWebhookThatIsThereAndHangs) {
  const auto said = [&] {
    return Why(
        "{kind: MutatingWebhookConfiguration, apiVersion: admissionregistration.k8s.io/v1, "
        "metadata: {name: out}, webhooks: [{name: a.example.com, failurePolicy: Fail, "
        "timeoutSeconds: 10, clientConfig: {url: 'https://example.com'}, rules: [{apiGroups: [''], "
        "resources: [pods], operations: [CREATE]}]}]}");
  };
  EXPECT_THAT(said(), HasSubstr("a.example.com is asked of CREATE of pods: refuses what it has not "
                                "answered after 10s  [webhooks]\n"));
  AddEvent("ReplicaSet/web-1", "FailedCreate",
           "Error creating: Internal error occurred: failed calling webhook \"a.example.com\": "
           "failed to call webhook: Post \"https://example.com\": context deadline exceeded");
  const std::string text = said();
  EXPECT_THAT(text, StartsWith("mutatingwebhookconfiguration/out: a.example.com does not answer in "
                               "time, and CREATE of pods is refused.\n  Error creating: "));
  EXPECT_THAT(text, HasSubstr("  10s  [timeoutSeconds of a.example.com]\n"));
  EXPECT_EQ(first().weight, Weight::kWrong);
  facts_.now += 1h;
  said();
  EXPECT_TRUE(explanation_.healthy()) << "that may be over by now";
}

TEST_F(WhyExtensionTest, AWebhookThatIsAnswered) {
  const std::string text =
      Why("{kind: MutatingWebhookConfiguration, apiVersion: admissionregistration.k8s.io/v1, "
          "metadata: {name: out}, webhooks: [{name: b.example.com, clientConfig: {url: "
          "'https://example.com'}, rules: [{apiGroups: ['*'], resources: ['*'], operations: "
          "['*']}]}]}");
  EXPECT_EQ(text,
            "mutatingwebhookconfiguration/out has 1 webhook; whether b.example.com can be asked is "
            "not seen from here.\n"
            "  b.example.com is asked of any write of *  [webhooks]\n");
  EXPECT_TRUE(explanation_.healthy());
}

}  // namespace
}  // namespace skiff::cli::why
