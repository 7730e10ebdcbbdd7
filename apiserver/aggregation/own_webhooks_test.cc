// Webhooks that are API servers behind this one: their configurations name the Service of this
// server, and a path of theirs.
#include "apiserver/aggregation/aggregation_fixture.h"

namespace skiff {
namespace {

class OwnWebhooks : public AggregationFixture {
 protected:
  static constexpr const char* kReviews = "/apis/wardle.example.com/v1/reviews";
  static constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";

  OwnWebhooks() {
    At(kReviews, [](const http::Request& request) {
      const Json review = Json::parse(request.body);
      const Json response = {{"uid", review["request"]["uid"]},
                             {"allowed", false},
                             {"status", {{"message", "by way of itself"}}}};
      return Says200(Json{
          {"apiVersion", "admission.k8s.io/v1"},
          {"kind", "AdmissionReview"},
          {"response",
           response}}.dump());
    });
  }
  void Configure(const Json& where, const Json& operations = Json::array({"CREATE"}),
                 const Json& resources = Json::array({"configmaps"})) {
    const Json rule = {{"operations", operations},
                       {"apiGroups", {""}},
                       {"apiVersions", {"v1"}},
                       {"resources", resources}};
    const Json hook = {{"name", "w.example.com"},
                       {"sideEffects", "None"},
                       {"admissionReviewVersions", {"v1"}},
                       {"clientConfig", where},
                       {"rules", Json::array({rule})}};
    const auto made =
        Post("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
             Json{{"metadata", {{"name", "w"}}}, {"webhooks", Json::array({hook})}}.dump());
    ASSERT_EQ(made.code, 201) << made.message();
  }
  void ExpectAsked() {
    const auto refused = Post(kMaps, R"({"metadata": {"name": "a"}})");
    EXPECT_EQ(refused.code, 400);
    EXPECT_EQ(refused.message(),
              "admission webhook \"w.example.com\" denied the request: by way of itself");
    const auto asked = LastTo(kReviews);
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->method, "POST");
    EXPECT_EQ(asked->Header("X-Remote-User"), "system:apiserver");
    EXPECT_EQ(asked->Header("Content-Type"), "application/json");
    EXPECT_EQ(asked->Query("timeout").value_or(""), "10s");
  }
};

TEST_F(OwnWebhooks, AreAskedThroughThisServerByItsOwnHand) {
  Serve();
  Configure({{"service", {{"namespace", "default"}, {"name", "kubernetes"}, {"path", kReviews}}}});
  ExpectAsked();
}

TEST_F(OwnWebhooks, MayBeNamedByTheUrlOfItsService) {
  Serve();
  Configure({{"url", std::string("https://kubernetes.default.svc") + kReviews}});
  ExpectAsked();
}

TEST_F(OwnWebhooks, FailAsOthersWhereNobodyIsThere) {
  Configure({{"service", {{"namespace", "default"}, {"name", "kubernetes"}, {"path", kReviews}}}});
  const auto refused = Post(kMaps, R"({"metadata": {"name": "a"}})");
  EXPECT_EQ(refused.code, 500);
  EXPECT_TRUE(
      refused.message().starts_with("Internal error occurred: failed calling webhook "
                                    "\"w.example.com\": failed to call webhook: "))
      << refused.message();
}

// Of a request that has to be reviewed itself, by the same.
TEST_F(OwnWebhooks, AreNotAskedAboutTheirOwnReviews) {
  const std::string proxy = "/api/v1/namespaces/default/services/kubernetes/proxy/";
  Configure({{"service", {{"namespace", "default"}, {"name", "kubernetes"}, {"path", proxy}}}},
            Json::array({"CREATE", "CONNECT"}), Json::array({"configmaps", "services/proxy"}));
  const auto refused = Post(kMaps, R"({"metadata": {"name": "a"}})");
  EXPECT_EQ(refused.code, 500);
  EXPECT_NE(refused.message().find("this server asks itself already"), std::string::npos)
      << refused.message();
}

}  // namespace
}  // namespace skiff
