// The order of members in what is answered: clients' own tests compare text.
#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

class KeyOrder : public ServerFixture {
 protected:
  // The pieces stand in the text one behind the other.
  static void ExpectInTurn(const std::string& text, const std::vector<std::string>& pieces) {
    size_t at = 0;
    for (const std::string& piece : pieces) {
      at = text.find(piece, at);
      ASSERT_NE(at, text.npos) << piece << " in " << text;
      at += piece.size();
    }
  }
  std::string TextOf(const std::string& path, const std::string& accept = "") {
    return Ask({.path = path, .accept = accept}).response.body;
  }
  const std::string path_ = "/api/v1/namespaces/default/configmaps";
};

TEST_F(KeyOrder, OfAFailureIsThatOfItsTypes) {
  ExpectInTurn(TextOf("/apis/apps/v1/namespaces/default/deployments/x"),
               {R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":)",
                R"("reason":"NotFound","details":{"name":"x","group":"apps",)",
                R"("kind":"deployments"},"code":404})"});
  ExpectInTurn(Post(path_, R"({"metadata": {"name": "A"}})").response.body,
               {R"("details":{"name":"A","kind":"ConfigMap","causes":[{"reason":)",
                R"("message":)", R"("field":"metadata.name"}]},"code":422})"});
}

TEST_F(KeyOrder, OfTablesAndOfMetadataAloneIsThatOfTheirTypes) {
  Post(path_, R"({"metadata": {"name": "a", "labels": {"b": "c"}}})");
  const std::vector<std::string> partial = {
      R"({"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"a",)"
      R"("namespace":"default","uid":)", R"("resourceVersion":)", R"("creationTimestamp":)",
      R"("labels":)"};
  ExpectInTurn(TextOf(path_ + "/a",
                      "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"),
               partial);
  const std::string table =
      TextOf(path_ + "/a", "application/json;as=Table;v=v1;g=meta.k8s.io");
  ExpectInTurn(table, {R"({"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{)",
                       R"("columnDefinitions":[{"name":"Name","type":"string","format":"name",)"
                       R"("description":)", R"("priority":0})", R"("rows":[{"cells":["a",0,)",
                       R"("object":{"kind":"PartialObjectMetadata")"});
  ExpectInTurn(table, partial);
  EXPECT_TRUE(Json::accept(table));
  const std::string empty = TextOf("/api/v1/namespaces/default/secrets",
                                   "application/json;as=Table;v=v1;g=meta.k8s.io");
  EXPECT_TRUE(empty.find("\"rows\":[]}") != empty.npos) << empty;
}

TEST_F(KeyOrder, OfDiscoveryAndOfAScaleIsThatOfTheirTypes) {
  ExpectInTurn(TextOf("/api/v1"), {R"({"kind":"APIResourceList")", R"("groupVersion":"v1",)",
                                   R"("resources":[{"name":)", R"("singularName":)",
                                   R"("namespaced":)", R"("kind":)", R"("verbs":)"});
  ExpectInTurn(
      TextOf("/apis", "application/json;v=v2;g=apidiscovery.k8s.io;as=APIGroupDiscoveryList"),
      {R"({"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","metadata":{},)"
       R"("items":[{"metadata":{"name":)", R"("versions":[{"version":)",
       R"("resources":[{"resource":)", R"("responseKind":{"group":)", R"("scope":)", R"("verbs":)"});
  Post("/api/v1/namespaces/default/replicationcontrollers", R"({"metadata": {"name": "r"},
      "spec": {"selector": {"a": "b"}, "template": {"metadata": {"labels": {"a": "b"}},
      "spec": {"containers": [{"name": "c", "image": "i"}]}}}})");
  ExpectInTurn(TextOf("/api/v1/namespaces/default/replicationcontrollers/r/scale"),
               {R"({"kind":"Scale","apiVersion":"autoscaling/v1","metadata":{"name":"r",)",
                R"("namespace":"default","uid":)", R"("resourceVersion":")",
                R"("creationTimestamp":)", R"("spec":{)", R"("status":{)"});
}

}  // namespace
}  // namespace skiff
