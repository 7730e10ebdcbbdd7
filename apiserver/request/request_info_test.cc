#include "apiserver/request/request_info.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

RequestInfo Parse(std::string method, std::string path,
                  std::vector<std::pair<std::string, std::string>> query = {}) {
  http::Request request;
  request.method = std::move(method);
  request.path = std::move(path);
  request.query = std::move(query);
  return ParseRequestInfo(request);
}

TEST(RequestInfo, ReadsVerbResourceAndName) {
  struct Row {
    const char *method, *path, *verb, *group, *resource, *space, *name, *subresource;
  };
  const Row rows[] = {
      {"GET", "/api/v1/pods", "list", "", "pods", "", "", ""},
      {"GET", "/api/v1/pods/", "list", "", "pods", "", "", ""},
      {"POST", "/api/v1/namespaces/a/pods", "create", "", "pods", "a", "", ""},
      {"GET", "/api/v1/namespaces/a/pods/p", "get", "", "pods", "a", "p", ""},
      {"GET", "/api/v1/namespaces/a/pods/p/log", "get", "", "pods", "a", "p", "log"},
      {"DELETE", "/api/v1/namespaces/a/pods", "deletecollection", "", "pods", "a", "", ""},
      {"GET", "/api/v1/namespaces/a", "get", "", "namespaces", "a", "a", ""},
      {"PUT", "/api/v1/namespaces/a/finalize", "update", "", "namespaces", "a", "a", "finalize"},
      {"PATCH", "/apis/apps/v1/namespaces/a/deployments/d/scale", "patch", "apps", "deployments",
       "a", "d", "scale"},
      {"GET", "/api/v1/watch/namespaces/a/pods/p", "watch", "", "pods", "a", "p", ""},
      {"HEAD", "/api/v1/nodes/n", "get", "", "nodes", "", "n", ""},
  };
  for (const Row& row : rows) {
    const RequestInfo info = Parse(row.method, row.path);
    EXPECT_TRUE(info.is_resource) << row.path;
    EXPECT_EQ(info.verb, row.verb) << row.path;
    EXPECT_EQ(info.group, row.group) << row.path;
    EXPECT_EQ(info.resource, row.resource) << row.path;
    EXPECT_EQ(info.namespace_name, row.space) << row.path;
    EXPECT_EQ(info.name, row.name) << row.path;
    EXPECT_EQ(info.subresource, row.subresource) << row.path;
  }
}

TEST(RequestInfo, ShortPathsAreNoResources) {
  for (const char* path : {"/", "/api", "/api/v1", "/apis/apps/v1", "/healthz", "/version"}) {
    EXPECT_FALSE(Parse("GET", path).is_resource) << path;
    EXPECT_EQ(Parse("GET", path).verb, "get");
  }
}

TEST(RequestInfo, WatchParameterTurnsAListIntoAWatch) {
  EXPECT_EQ(Parse("GET", "/api/v1/pods", {{"watch", "true"}}).verb, "watch");
  EXPECT_EQ(Parse("GET", "/api/v1/pods", {{"watch", ""}}).verb, "watch");
  EXPECT_EQ(Parse("GET", "/api/v1/pods", {{"watch", "False"}}).verb, "list");
  EXPECT_EQ(Parse("GET", "/api/v1/namespaces/a/pods/p", {{"watch", "1"}}).verb, "get");
}

TEST(RequestInfo, ANameInTheFieldSelectorIsTheName) {
  const auto info = Parse("GET", "/api/v1/pods", {{"fieldSelector", "metadata.name=x,a=b"}});
  EXPECT_EQ(info.name, "x");
  EXPECT_TRUE(info.name_from_selector);
  EXPECT_EQ(Parse("GET", "/api/v1/pods", {{"fieldSelector", "metadata.name=a/b"}}).name, "");
}

TEST(RequestInfo, ANameCountsOnlyWhereTheOptionsOfTheListCanBeRead) {
  const std::pair<std::string, std::string> name = {"fieldSelector", "metadata.name=x"};
  EXPECT_EQ(Parse("GET", "/api/v1/pods", {name, {"limit", "5"}}).name, "x");
  EXPECT_EQ(Parse("GET", "/api/v1/pods", {name, {"limit", "many"}}).name, "");
  EXPECT_EQ(Parse("GET", "/api/v1/pods", {name, {"labelSelector", "a in"}}).name, "");
  EXPECT_EQ(Parse("GET", "/api/v1/pods", {{"fieldSelector", "metadata.name!=x"}}).name, "");
  const auto two = Parse("GET", "/api/v1/pods", {{"fieldSelector", "metadata.name=x"},
                                                 {"fieldSelector", "metadata.name=y"}});
  EXPECT_EQ(two.name, "x");
  EXPECT_EQ(Parse("DELETE", "/api/v1/pods", {name}).name, "");
  EXPECT_EQ(Parse("DELETE", "/api/v1/pods", {name}).field_selector, "metadata.name=x");
  EXPECT_EQ(Parse("GET", "/api/v1/watch/pods", {name}).name, "");
  EXPECT_EQ(Parse("GET", "/api/v1/watch/pods", {name}).field_selector, "");
}

TEST(RequestInfo, AVerbInThePathIsTheVerbWhateverTheMethod) {
  for (const char* method : {"GET", "PUT", "DELETE", "POST", "OPTIONS"}) {
    const auto watch = Parse(method, "/apis/apps/v1/watch/namespaces/a/deployments/d/scale");
    EXPECT_EQ(watch.verb, "watch");
    EXPECT_EQ(watch.subresource, "scale");
    const auto proxy = Parse(method, "/api/v1/proxy/namespaces/a/pods/p/status");
    EXPECT_EQ(proxy.verb, "proxy");
    EXPECT_EQ(proxy.name, "p");
    EXPECT_EQ(proxy.subresource, "");
  }
  EXPECT_EQ(Parse("GET", "/api/v1/watch/watch/x").resource, "watch");
  EXPECT_FALSE(Parse("GET", "/api/v1/watch").unreadable.empty());
  EXPECT_FALSE(Parse("GET", "/api/v1/proxy/").unreadable.empty());
}

TEST(RequestInfo, TellsANamespaceFromWhatIsInOne) {
  const auto itself = Parse("GET", "/api/v1/namespaces/a/status");
  EXPECT_FALSE(itself.below_namespace);
  EXPECT_EQ(itself.depth, 3u);
  const auto inside = Parse("GET", "/api/v1/namespaces/a/namespaces/b");
  EXPECT_TRUE(inside.below_namespace);
  EXPECT_EQ(inside.depth, 2u);
  EXPECT_EQ(inside.namespace_name, "a");
  EXPECT_EQ(inside.name, "b");
}

TEST(RequestInfo, KeepsWhatFollowsTheSubresource) {
  const auto info = Parse("GET", "/api/v1/namespaces/a/services/s/proxy/x/y");
  EXPECT_EQ(info.subresource, "proxy");
  EXPECT_EQ(info.rest, (std::vector<std::string>{"x", "y"}));
}

TEST(RequestInfo, TakesALongPathApartNoFurtherThanItIsNeeded) {
  std::string behind;
  for (int i = 0; i < 500; ++i) behind += "/x";
  const auto info = Parse("GET", "/api/v1/namespaces/a/services/s/proxy" + behind);
  EXPECT_LT(info.rest.size(), 16u);
  std::string joined;
  for (const std::string& part : info.rest) joined += "/" + part;
  EXPECT_EQ(joined, behind);
}

}  // namespace
}  // namespace skiff
