// Answers of admission webhooks that are none, or say what they may not.
#include <gtest/gtest.h>

#include <mutex>

#include "api/codec/base64.h"
#include "api/codec/document.h"
#include "apiserver/webhooks/hook_fixture.h"

namespace skiff {
namespace {

class HookAnswers : public HookFixture, public http::Handler {
 protected:
  using Answers = std::function<http::Response(const Json& review)>;
  struct Lie {
    Answers answers;
    std::string text;
  };

  HookAnswers() {
    StartHook(*this);
    Configure("mutatingwebhookconfigurations", "m", {Hook("m")});
  }
  ~HookAnswers() override { StopHook(); }

  http::Response Handle(const http::Request& request) override {
    Answers answers;
    {
      const std::lock_guard lock(mutex_);
      answers = answers_;
    }
    const Json review = Json::parse(request.body);
    return answers ? answers(review) : Says(review, {{"allowed", true}});
  }
  static Answers Patches(const std::string& patch) {
    return [patch](const Json& review) {
      return Says(review, {{"allowed", true},
                           {"patchType", "JSONPatch"},
                           {"patch", EncodeBase64(patch)}});
    };
  }
  static Answers Raw(std::string body, int status = 200, std::string type = "application/json") {
    return [=](const Json&) {
      http::Response answer;
      answer.status = status;
      answer.content_type = type;
      answer.SetHeader("Location", "https://127.0.0.1:1/elsewhere");
      answer.body = body;
      return answer;
    };
  }
  Answer MakeMapWhile(Answers answers, const std::string& value = "b") {
    {
      const std::lock_guard lock(mutex_);
      answers_ = std::move(answers);
    }
    return Post("/api/v1/namespaces/default/configmaps",
                R"({"metadata": {"name": "a"}, "data": {"a": ")" + value + R"("}})");
  }
  // Each is refused with its text, and nothing of it stays.
  void HarmTheirRequestAlone(const std::vector<Lie>& lies) {
    for (const Lie& lie : lies) {
      const auto refused = MakeMapWhile(lie.answers);
      EXPECT_EQ(refused.code, 500) << lie.text;
      EXPECT_NE(refused.message().find(lie.text), std::string::npos) << refused.message();
    }
    EXPECT_EQ(MakeMapWhile(nullptr).code, 201);
  }

  std::mutex mutex_;
  Answers answers_;
};

TEST_F(HookAnswers, WhatIsNoReviewHarmsItsRequestAlone) {
  HarmTheirRequestAlone({
      {[](const Json& review) {
         auto answer = Says(review, {{"allowed", true}});
         Json body = Json::parse(answer.body);
         body["response"]["uid"] = "other";
         answer.body = body.dump();
         return answer;
       },
       "received invalid webhook response: expected response.uid="},
      {Raw("{}"), "received invalid webhook response: webhook response was absent"},
      {Raw(R"({"response": 7})"), "failed to call webhook: json: cannot unmarshal"},
      {Raw("null"), "received invalid webhook response: webhook response was absent"},
      {Raw(R"({"kind": 5, "response": {"allowed": 5}})"),
       "failed to call webhook: couldn't get version/kind; json parse error: json: cannot "
       "unmarshal "
       "number into Go struct field .kind of type string"},
      {Raw(R"({"response": {"patch": "%%", "allowed": true}})"),
       "failed to call webhook: illegal base64 data at input byte 0"},
      {Raw("no json"),
       "failed to call webhook: couldn't get version/kind; json parse error: json: cannot "
       "unmarshal string into Go value of type struct { APIVersion string "
       "\"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }"},
      {Raw("a: b: c"), "failed to call webhook: yaml: "},
      {Raw(R"({"apiVersion": "admission.k8s.io/v1", "kind": "Foo"})"),
       "failed to call webhook: no kind \"Foo\" is registered for version "
       "\"admission.k8s.io/v1\" in scheme"},
      {Raw(R"({"apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview"})"),
       "failed to call webhook: converting (v1beta1.AdmissionReview) to (v1.AdmissionReview): "
       "unknown conversion"},
      {Raw(std::string(5 << 20, ' ')), "the answer is longer than 4456448"},
      {Raw("", 302), "the server responded with the status code 302"},
      {Raw("", 200),
       "failed to call webhook: 0-length response with status code: 200 and content type: "
       "application/json"},
      {Raw("{}", 200, "text/"),
       "failed calling webhook \"m.example.com\": failed to call webhook: Internal error occurred: "
       "mime: expected token after slash"},
      {Raw("oh", 403, "text plain"), "Internal error occurred: mime: expected slash after first"},
      {Raw("oh", 500), "an error on the server (\"unknown\") has prevented the request"},
      {[](const Json& review) {
         return Says(review, {{"allowed", true}, {"patch", EncodeBase64("[]")}});
       },
       "webhook returned response.patch but not response.patchType"},
      {Raw(R"({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "my words"})",
           403),
       "failed calling webhook \"m.example.com\": failed to call webhook: my words"},
  });
}

// Whatever it is called, as for Go's clients.
TEST_F(HookAnswers, AReviewMayBeYaml) {
  const auto says = [](const std::string& allowed) {
    return [allowed](const Json& review) {
      http::Response answer;
      answer.content_type = "text/plain";
      answer.body = "apiVersion: admission.k8s.io/v1\nkind: AdmissionReview\nresponse:\n  uid: " +
                    TextAt(review, "request.uid") + "\n  allowed: " + allowed +
                    "\n  warnings: [take care]\n  status:\n    message: not today\n";
      return answer;
    };
  };
  EXPECT_EQ(MakeMapWhile(says("no")).message(),
            "admission webhook \"m.example.com\" denied the request: not today");
  const auto made = MakeMapWhile(says("true"));
  ASSERT_EQ(made.code, 201) << made.message();
  const auto warning = made.response.headers.find("Warning");
  ASSERT_NE(warning, made.response.headers.end());
  EXPECT_EQ(warning->second, "299 - \"take care\"");
}

// Go's scheme has these in each group; others of the same version it does not know.
TEST_F(HookAnswers, WhatIsAnotherKindThatGoKnowsIsNotConverted) {
  const auto says = [](const char* kind, const char* version) {
    return Raw(Json{{"kind", kind}, {"apiVersion", version}}.dump());
  };
  constexpr const char* kUnknown = ") to (v1.AdmissionReview): unknown conversion";
  HarmTheirRequestAlone({
      {says("Status", "v1"), std::string("converting (v1.Status") + kUnknown},
      {says("APIGroup", "other.io/v7"), std::string("converting (v1.APIGroup") + kUnknown},
      {says("GetOptions", "admission.k8s.io/v1beta1"),
       std::string("converting (v1.GetOptions") + kUnknown},
      {says("GetOptions", "v1"), "no kind \"GetOptions\" is registered for version \"v1\""},
      {says("Status", "a/b/c"), "unexpected GroupVersion string: a/b/c"},
  });
}

TEST_F(HookAnswers, TypesAreThoseOfTheVersionThatWasAskedIn) {
  Configure("mutatingwebhookconfigurations", "old",
            {Hook("old", {{"admissionReviewVersions", {"v1beta1"}}})});
  HarmTheirRequestAlone({
      {[](const Json& review) {
         const bool is_old = review["apiVersion"] == "admission.k8s.io/v1beta1";
         return Says(review, is_old ? Json{{"patchType", 5}} : Json{{"allowed", true}});
       },
       "json: cannot unmarshal number into Go struct field AdmissionResponse.response.patchType "
       "of type v1beta1.PatchType"},
  });
}

TEST_F(HookAnswers, APatchIsThereWhereItsBytesAre) {
  const auto empty = [](const Json& review) {
    return Says(review, {{"allowed", true}, {"patch", "\n"}});
  };
  EXPECT_EQ(MakeMapWhile(empty).code, 201);
}

TEST_F(HookAnswers, WhatIsNoPatchHarmsItsRequestAlone) {
  HarmTheirRequestAlone({
      {Patches("nonsense"),
       "received undecodable patch in webhook response: invalid character 'o' in literal null "
       "(expecting 'u')"},
      {[](const Json& review) {
         return Says(review, {{"allowed", true},
                              {"patchType", "MergePatch"},
                              {"patch", EncodeBase64(R"([{"op": "remove", "path": "/data"}])")}});
       },
       "failed calling webhook \"m.example.com\": unsupported patch type \"MergePatch\""},
      {[](const Json& review) {
         return Says(review, {{"allowed", true}, {"patchType", ""}, {"patch", "W10="}});
       },
       "received invalid webhook response: webhook returned invalid response.patchType of \"\""},
      {Patches(R"([{"op": "replace", "path": "/no/such", "value": 1}])"),
       "Internal error occurred: replace operation does not apply: doc is missing path: /no/such: "
       "missing value"},
      {Patches(R"([{"op": "replace", "path": "/data", "value": 1}])"),
       "Internal error occurred: json: cannot unmarshal number into Go struct field "
       "ConfigMap.data of type map[string]string"},
      {Patches(R"([{"op": "replace", "path": "/kind", "value": 5}])"),
       "Internal error occurred: couldn't get version/kind; json parse error: json: cannot "
       "unmarshal number into Go struct field .kind of type string"},
      {Patches(R"([{"op": "replace", "path": "", "value": []}])"),
       "Internal error occurred: couldn't get version/kind; json parse error: json: cannot "
       "unmarshal array into Go value of type struct {"},
  });
}

TEST_F(HookAnswers, WhatTakesTooMuchMemoryIsNoAnswer) {
  const auto many = [](int count) {
    std::string text = "[";
    for (int i = 0; i < count; ++i) text += "{},";
    return text + "0]";
  };
  const std::string patch = R"([{"op": "add", "path": "/data/x", "value": )";
  const auto refused =
      MakeMapWhile(Patches(patch + many(1'100'000) + "}]"), std::string(700'000, 'x'));
  EXPECT_EQ(refused.code, 500);
  EXPECT_EQ(refused.message(),
            "Internal error occurred: failed calling webhook \"m.example.com\": webhook returned a "
            "patch that takes more than 67108864 bytes of memory");
  const std::string review = R"({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",)";
  HarmTheirRequestAlone({
      {Raw(review + R"("response": {"status": {"x": )" + many(300'000) + "}}}"),
       "failed to call webhook: the answer takes more than 16777216 bytes of memory"},
      {Raw(review + R"("response": {"uid": "other"}, "x": )" + many(300'000) + "}"),
       "received invalid webhook response: expected response.uid="},
  });
}

TEST_F(HookAnswers, WhatIsOfAnotherTypeIsRefusedInGosWords) {
  HarmTheirRequestAlone({
      {[](const Json& review) {
         return Says(review, {{"allowed", false}, {"status", {{"details", 5}}}});
       },
       "failed to call webhook: json: cannot unmarshal number into Go struct field "
       "Status.response.status.details of type v1.StatusDetails"},
      {[](const Json& review) {
         return Says(review, {{"allowed", true}, {"warnings", {"fine", 1}}});
       },
       "failed to call webhook: json: cannot unmarshal number into Go struct field "
       "AdmissionResponse.response.warnings of type string"},
      {[](const Json& review) {
         return Says(review, {{"allowed", true}, {"auditAnnotations", {{"a", {"b"}}}}});
       },
       "failed to call webhook: json: cannot unmarshal array into Go struct field "
       "AdmissionResponse.response.auditAnnotations of type string"},
      {[](const Json& review) {
         return Says(review, {{"allowed", "yes"}});
       },
       "failed to call webhook: json: cannot unmarshal string into Go struct field "
       "AdmissionResponse.response.allowed of type bool"},
  });
}

TEST_F(HookAnswers, AFailureRepeatsNoMoreThanTheBeginningOfAnAnswer) {
  const auto refused = MakeMapWhile(Raw(std::string(2 << 20, 'x'), 500, "text/plain"));
  EXPECT_EQ(refused.code, 500);
  EXPECT_NE(refused.message().find("(\"" + std::string(2048, 'x') + "\")"), std::string::npos)
      << refused.message().size();
}

}  // namespace
}  // namespace skiff
