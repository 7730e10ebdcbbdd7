// What webhooks answer: to admission reviews and to reviews that convert custom resources.
#include "api/codec/json.h"
#include "api/patch/patch.h"
#include "apiserver/webhooks/conversion_review.h"
#include "apiserver/webhooks/review.h"
#include "base/error.h"
#include "e2e/fuzz/kinds.h"
#include "e2e/fuzz/targets.h"

namespace skiff::fuzz {
namespace {

const std::vector<Json>& Asked() {
  static const std::vector<Json> objects = {
      Json::parse(R"({"apiVersion": "g.io/v1", "kind": "Lamp",
        "metadata": {"name": "a", "namespace": "n", "uid": "u", "resourceVersion": "5",
                     "labels": {"l": "1"}, "generation": 3, "finalizers": ["x.io/f"]},
        "spec": {"watts": 1}})"),
      Json::parse(R"({"apiVersion": "g.io/v1", "kind": "Lamp", "metadata": {"name": "b"}})")};
  return objects;
}

// All metadata but what a converter may change.
Json Kept(const Json& object) {
  Json metadata = object.at("metadata");
  metadata.erase("labels");
  metadata.erase("annotations");
  return metadata;
}

}  // namespace

void Conversion(std::string_view bytes) {
  for (const char* version : {"v1", "v1beta1"}) {
    const auto read = ReadConversion(bytes, {version, "id", "g.io/v2", Asked()});
    if (!read) {
      CHECK(!read.error().text.empty());
      continue;
    }
    CHECK(read->size() == Asked().size());
    for (size_t i = 0; i < read->size(); ++i) {
      const Json& object = (*read)[i];
      CHECK(object.at("apiVersion") == "g.io/v2" && object.at("kind") == "Lamp");
      CHECK(Kept(object) == Kept(Asked()[i]));
    }
  }
}

void Admission(std::string_view bytes) {
  const KindInfo& kind = KindOf(*Kinds().front());
  const User user;
  std::vector<std::string> warnings;
  const AdmissionRequest request{
      .operation = Operation::kCreate, .kind = kind, .user = user, .warnings = warnings};
  for (const char* version : {"v1", "v1beta1"}) {
    for (const bool mutating : {false, true}) {
      const auto answer = ReadReview(bytes, {request, kind, version, "id"}, mutating);
      if (!answer) {
        CHECK(!answer.error().message.empty());
        continue;
      }
      CHECK(mutating || answer->patch.empty());
      const Json denial = DenialStatus("w.example.com", answer->status);
      CHECK(denial.at("code") >= 400 && denial.at("status") != "Success");
      CHECK(!DenialError(denial).message.empty());
      if (answer->patch.empty()) continue;
      const auto patch = ParseJsonPatch(answer->patch);
      if (patch) (void)ApplyJsonPatch(*patch, LiveObject(*Kinds().front()));
    }
  }
}

}  // namespace skiff::fuzz
