// Who gets where: every path of everything that discovery lists, with every method, asked by users
// of every sort, compared with a model of Kubernetes' rules that shares no code with the server
// (access_model.h for rights, the generator here for paths). A new kind or subresource is walked by
// being listed.
//
// To keep the product small, every step is asked by those users who may do much in some place and
// so would find a hole; the others take turns, a third of the steps each, so that over a few
// resources each of them still meets each path form and method.
//
// A step is made from its meaning, never by reading a path: the generator knows what it asks for
// before it writes that down. All are asked for as a dry run, so the walk changes nothing, which is
// checked too.
#include <fmt/format.h>

#include <map>

#include "apiserver/request/access_model.h"
#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

using Names = std::set<std::string>;

// What comes of a request, once it is allowed.
enum class Outcome { kServed, kNoPath, kNoMethod, kUnreadable, kRefused, kMayNotCreate };

struct Step {
  std::string method;
  std::string path;  // With the query.
  Words words;
  Outcome allowed = Outcome::kServed;
  bool wants_create = false;  // A stream by GET asks for the right to create, too.
  std::string upgrade = {};
};

// One resource, as discovery lists it.
struct Listed {
  std::string root;  // "/apis/apps/v1"
  std::string group;
  std::string resource;
  bool namespaced = false;
  Names verbs;
  std::map<std::string, Names> subresources;  // Verbs by name.

  bool IsNamespaces() const { return group.empty() && resource == "namespaces"; }
};

constexpr const char* kMethods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

std::string VerbOf(const std::string& method) {
  static const std::map<std::string, std::string> kVerbs = {
      {"GET", "get"},     {"HEAD", "get"},    {"POST", "create"}, {"PUT", "update"},
      {"PATCH", "patch"}, {"DELETE", "delete"}, {"OPTIONS", ""}};
  return kVerbs.at(method);
}

// The same asked of many.
std::string VerbOfMany(const std::string& method, bool watch) {
  const std::string verb = VerbOf(method);
  if (verb == "get") return watch ? "watch" : "list";
  return verb == "delete" ? "deletecollection" : verb;
}

class Generator {
 public:
  std::vector<Step> steps;

  void AddAll(const Listed& listed) {
    AddCollections(listed);
    AddObjects(listed);
    AddWatches(listed);
    AddSubresources(listed);
    AddOddPaths(listed);
    if (!listed.namespaced) AddBelowNamespace(listed);
  }

 private:
  static std::string Base(const Listed& listed) {
    return listed.namespaced ? listed.root + "/namespaces/a/" + listed.resource
                             : listed.root + "/" + listed.resource;
  }
  static Words About(const Listed& listed, const std::string& space) {
    return {.verb = "", .group = listed.group, .resource = listed.resource, .space = space};
  }
  // A namespace's own path names it as its namespace, too.
  static Words AboutObject(const Listed& listed) {
    Words words = About(listed, listed.namespaced ? "a" : listed.IsNamespaces() ? "x" : "");
    words.name = "x";
    return words;
  }

  void Add(Step step) {
    if (step.method != "GET" && step.method != "HEAD" && step.method != "OPTIONS") {
      step.path += step.path.find('?') == std::string::npos ? "?dryRun=All" : "&dryRun=All";
    }
    steps.push_back(std::move(step));
  }
  static Outcome OutcomeOf(const Names& served, const std::string& method) {
    if (served.empty()) return Outcome::kNoPath;
    return served.contains(method) ? Outcome::kServed : Outcome::kNoMethod;
  }
  void AddMany(const std::string& path, Words words, const Names& served, bool watch = false) {
    for (const char* method : kMethods) {
      words.verb = VerbOfMany(method, watch);
      Add({method, path, words, OutcomeOf(served, method)});
    }
  }
  void AddOne(const std::string& path, Words words, const Names& served) {
    for (const char* method : kMethods) {
      words.verb = VerbOf(method);
      Add({method, path, words, OutcomeOf(served, method)});
    }
  }
  // The verb stands in the path.
  void AddFixed(const std::string& path, Words words, const std::string& verb,
                const Names& served) {
    words.verb = verb;
    for (const char* method : kMethods) Add({method, path, words, OutcomeOf(served, method)});
  }

  static Names CollectionMethods(const Listed& listed) {
    Names methods;
    if (listed.verbs.contains("list")) methods.insert("GET");
    if (listed.verbs.contains("create")) methods.insert("POST");
    if (listed.verbs.contains("deletecollection")) methods.insert("DELETE");
    return methods;
  }
  static Names ObjectMethods(const Names& verbs) {
    Names methods;
    for (const char* method : {"GET", "PUT", "PATCH", "DELETE", "POST"}) {
      if (verbs.contains(VerbOf(method))) methods.insert(method);
    }
    return methods;
  }

  void AddCollections(const Listed& listed) {
    const Names methods = CollectionMethods(listed);
    const Words words = About(listed, listed.namespaced ? "a" : "");
    const std::string base = Base(listed);
    AddMany(base, words, methods);
    AddMany(base + "/", words, methods);
    Words named = words;
    named.name = "x";
    named.verb = "list";
    Add({"GET", base + "?fieldSelector=metadata.name=x", named, OutcomeOf(methods, "GET")});
    Words watched = words;
    watched.verb = "watch";
    const bool can_watch = listed.verbs.contains("watch");
    const Outcome outcome = can_watch         ? Outcome::kServed
                            : methods.empty() ? Outcome::kNoPath
                                              : Outcome::kNoMethod;
    for (const char* upgrade : {"", "websocket"}) {
      Add({"GET", base + "?watch=true", watched, outcome, false, upgrade});
    }
    if (!listed.namespaced) return;
    const Names everywhere = listed.verbs.contains("list") ? Names{"GET"} : Names{};
    AddMany(listed.root + "/" + listed.resource, About(listed, ""), everywhere);
  }

  void AddObjects(const Listed& listed) {
    Names verbs = listed.verbs;
    verbs.erase("create");
    const Names methods = ObjectMethods(verbs);
    AddOne(Base(listed) + "/x", AboutObject(listed), methods);
    AddOne(Base(listed) + "/x/", AboutObject(listed), methods);
    Words watched = AboutObject(listed);
    watched.verb = "get";
    Add({"GET", Base(listed) + "/x?watch=1", watched, OutcomeOf(methods, "GET")});
    if (!listed.namespaced) return;
    Words words = About(listed, "");
    words.name = "x";
    AddOne(listed.root + "/" + listed.resource + "/x", words, {});
  }

  void AddWatches(const Listed& listed) {
    const Names get = listed.verbs.contains("watch") ? Names{"GET"} : Names{};
    const std::string below = (listed.namespaced ? "/namespaces/a/" : "/") + listed.resource;
    const std::string root = listed.root + "/watch";
    AddFixed(root + below, About(listed, listed.namespaced ? "a" : ""), "watch", get);
    AddFixed(root + below + "/x", AboutObject(listed), "watch", get);
    if (listed.namespaced) {
      AddFixed(root + "/" + listed.resource, About(listed, ""), "watch", get);
      Words words = About(listed, "");
      words.name = "x";
      AddFixed(root + "/" + listed.resource + "/x", words, "watch", {});
    }
    AddFixed(listed.root + "/proxy" + below + "/x", AboutObject(listed), "proxy", {});
    for (const auto& [name, verbs] : listed.subresources) {
      Words words = AboutObject(listed);
      AddFixed(listed.root + "/proxy" + below + "/x/" + name, words, "proxy", {});
      words.subresource = name;
      AddFixed(root + below + "/x/" + name, words, "watch", {});
    }
  }

  void AddSubresources(const Listed& listed) {
    for (const auto& [name, verbs] : listed.subresources) {
      Names methods = ObjectMethods(verbs);
      const bool proxies = name == "proxy";
      if (proxies) methods.insert({"HEAD", "OPTIONS"});
      Words words = AboutObject(listed);
      words.subresource = name;
      const std::string path = Base(listed) + "/x/" + name;
      const size_t first = steps.size();
      AddOne(path, words, methods);
      AddOne(path + "/", words, methods);
      words.verb = "get";
      for (const char* upgrade : {"websocket", "SPDY/3.1"}) {
        Add({"GET", path, words, OutcomeOf(methods, "GET"), false, upgrade});
      }
      const bool streams = name == "exec" || name == "attach" || name == "portforward";
      for (size_t at = first; at < steps.size(); ++at) {
        steps[at].wants_create = streams && steps[at].method == "GET";
      }
      for (const char* more : {"/y", "/y/", "/proxy/y", "//y"}) {
        AddOne(path + more, words, proxies ? methods : Names{});
      }
    }
  }

  void AddOddPaths(const Listed& listed) {
    Words words = AboutObject(listed);
    if (!listed.IsNamespaces()) {  // Below those, a third segment is a resource.
      words.subresource = "nonsense";
      AddOne(Base(listed) + "/x/nonsense", words, {});
    }
    // The one segment too many becomes the resource.
    Words shifted{.verb = "", .group = listed.group, .resource = "", .name = listed.resource};
    if (!listed.namespaced) {
      AddOne(listed.root + "//" + listed.resource, shifted, {});
      shifted.resource = ".";
      AddOne(listed.root + "/./" + listed.resource, shifted, {});
    }
    Words upper = About(listed, listed.namespaced ? "a" : "");
    upper.resource[0] = static_cast<char>(std::toupper(upper.resource[0]));
    AddMany(listed.namespaced ? listed.root + "/namespaces/a/" + upper.resource
                              : listed.root + "/" + upper.resource,
            upper, {});
    AddMany("/" + Base(listed), About(listed, listed.namespaced ? "a" : ""), {});
    AddMany(Base(listed) + "//", About(listed, listed.namespaced ? "a" : ""),
            CollectionMethods(listed));
    Words old = About(listed, "");
    old.verb = "list";
    const std::string group = listed.root.substr(0, listed.root.rfind('/'));
    Add({"GET", group + "/v1beta9/" + listed.resource, old, Outcome::kNoPath});
    if (listed.group.empty()) {
      Add({"GET", "/apis//v1/" + listed.resource, old, Outcome::kNoPath});
    }
    if (!listed.namespaced) return;
    // No namespace where one should be named: many are those of all, one there is none.
    Names many = listed.verbs.contains("list") ? Names{"GET"} : Names{};
    for (const std::string& method : CollectionMethods(listed)) many.insert(method);
    AddMany(listed.root + "/namespaces//" + listed.resource, About(listed, ""), many);
    for (const auto& [name, verbs] : listed.subresources) {
      Words nameless = About(listed, "a");
      nameless.subresource = name;
      Names methods = ObjectMethods(verbs);
      if (name == "proxy") methods.insert({"HEAD", "OPTIONS"});
      AddMany(Base(listed) + "//" + name, nameless, methods);
    }
  }

  // What has no namespace is not found in one, whoever asks.
  void AddBelowNamespace(const Listed& listed) {
    const std::string below = "/namespaces/a/" + listed.resource;
    const Words words = About(listed, "a");
    AddMany(listed.root + below, words, {});
    AddFixed(listed.root + "/watch" + below, words, "watch", {});
    Words object = words;
    object.name = "x";
    AddOne(listed.root + below + "/x", object, {});
    AddFixed(listed.root + "/watch" + below + "/x", object, "watch", {});
    for (const auto& [name, verbs] : listed.subresources) {
      object.subresource = name;
      AddOne(listed.root + below + "/x/" + name, object, {});
      AddOne(listed.root + below + "/x/" + name + "/y", object, {});
    }
  }
};

struct Who {
  std::string label;
  User user;
  Rights rights;
  bool asks_all = false;
  bool anonymous = false;
  bool node = false;  // Another authorizer may allow what the role of nodes says, or not.
};

class RouteWalkTest : public ServerFixture {
 protected:
  void SetUp() override {
    Post("/api/v1/namespaces", R"({"metadata": {"name": "a"}})");
    const std::string rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/a/";
    Post(rbac + "roles", R"({"metadata": {"name": "reader"}, "rules": [{"apiGroups": ["*"],
         "resources": ["*"], "verbs": ["get", "list", "watch", "proxy"]}]})");
    for (const auto& [user, kind, role] : {std::array{"viewer", "ClusterRole", "view"},
                                           std::array{"editor", "ClusterRole", "admin"},
                                           std::array{"owner", "ClusterRole", "cluster-admin"},
                                           std::array{"reader", "Role", "reader"}}) {
      const auto made = Post(
          rbac + "rolebindings",
          fmt::format(R"({{"metadata": {{"name": "{0}"}}, "roleRef": {{"kind": "{1}", "name": "{2}",
          "apiGroup": "rbac.authorization.k8s.io"}}, "subjects": [{{"kind": "User", "name": "{0}",
          "apiGroup": "rbac.authorization.k8s.io"}}]}})",
                      user, kind, role));
      ASSERT_EQ(made.code, 201) << made.body;
    }
    Settle();
    ReadRights();
  }

  void ReadRights() {
    const std::string rbac = "/apis/rbac.authorization.k8s.io/v1/";
    documents_ = {Get(rbac + "roles").body, Get(rbac + "rolebindings").body,
                  Get(rbac + "clusterroles").body, Get(rbac + "clusterrolebindings").body};
    node_role_ = Rights::OfClusterRole("system:node", documents_);
    AddWho("cluster admin", "root", {"system:masters"}).asks_all = true;
    for (const char* name : {"owner", "reader"}) AddWho(name, name, {}).asks_all = true;
    for (const char* name : {"viewer", "editor", "nobody"}) AddWho(name, name, {});
    AddWho("node", "system:node:node1", {"system:nodes"}).node = true;
    AddWho("another node", "system:node:node2", {"system:nodes"}).node = true;
    AddWho("service account", "system:serviceaccount:a:robot",
           {"system:serviceaccounts", "system:serviceaccounts:a"});
    Who anonymous{.label = "anonymous", .user = {.name = "system:anonymous"}, .anonymous = true};
    anonymous.user.groups = {"system:unauthenticated"};
    anonymous.rights = Rights::Of(anonymous.user, documents_);
    who_.push_back(std::move(anonymous));
  }
  Who& AddWho(std::string label, std::string name, std::vector<std::string> groups) {
    Who who{.label = std::move(label), .user = {.name = std::move(name)}};
    who.user.groups = std::move(groups);
    who.user.groups.emplace_back("system:authenticated");
    who.rights = Rights::Of(who.user, documents_);
    return who_.emplace_back(std::move(who));
  }

  std::vector<Listed> Discover() {
    std::vector<Listed> all;
    for (const char* root : {"/api", "/apis"}) {
      const Json groups =
          Ask({.path = root,
               .accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"})
              .body;
      for (const Json& group : groups["items"]) {
        for (const Json& version : group["versions"]) {
          for (const Json& each : version["resources"]) {
            const std::string name = group["metadata"].value("name", "");
            all.push_back(Read(root, name, version["version"], each));
          }
        }
      }
    }
    return all;
  }
  static Names NamesOf(const Json& list) {
    Names names;
    for (const Json& each : list) names.insert(each.get<std::string>());
    return names;
  }
  static Listed Read(std::string root, const std::string& group, const std::string& version,
                     const Json& resource) {
    if (!group.empty()) root += "/" + group;
    Listed listed{.root = root + "/" + version,
                  .group = group,
                  .resource = resource["resource"],
                  .namespaced = resource["scope"] == "Namespaced",
                  .verbs = NamesOf(resource["verbs"])};
    if (!resource.contains("subresources")) return listed;
    for (const Json& each : resource["subresources"]) {
      listed.subresources[each["subresource"]] = NamesOf(each["verbs"]);
    }
    return listed;
  }

  http::Response Send(const Step& step, const Who& who) {
    http::Request request;
    request.method = step.method;
    request.target = step.path;
    const size_t mark = step.path.find('?');
    request.path = step.path.substr(0, mark);
    if (mark != std::string::npos) request.query = http::ParseQuery(step.path.substr(mark + 1));
    if (step.path.find("dryRun") != std::string::npos && step.method != "DELETE") {
      request.body = "{}";
      request.headers.emplace("Content-Type", step.method == "PATCH"
                                                  ? "application/merge-patch+json"
                                                  : "application/json");
    }
    if (!step.upgrade.empty()) {
      request.headers.emplace("Connection", "Upgrade");
      request.headers.emplace("Upgrade", step.upgrade);
      request.headers.emplace("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
      request.headers.emplace("Sec-WebSocket-Version", "13");
    }
    return who.anonymous ? server_->Handle(request) : server_->Handle(request, who.user);
  }

  static Outcome OutcomeOf(const http::Response& response, const Step& step, const Who& who) {
    const std::string& body = response.body;
    const auto says = [&](const std::string& text) {
      // Within a JSON string.
      return body.find(Json(text).dump().substr(1, Json(text).dump().size() - 2)) !=
             std::string::npos;
    };
    if (response.status == 403 && says(step.words.Text(who.user.name))) return Outcome::kRefused;
    if (response.status == 403 && body.find("is forbidden: \",\"reason\"") != std::string::npos) {
      return Outcome::kMayNotCreate;
    }
    if (response.status == 405) return Outcome::kNoMethod;
    if (response.status == 404 && (body == "404 page not found\n" ||
                                   says("the server could not find the requested resource"))) {
      return Outcome::kNoPath;
    }
    if (response.status == 500 && body.starts_with("Internal Server Error")) {
      return Outcome::kUnreadable;
    }
    return Outcome::kServed;
  }

  bool IsRight(Outcome outcome, const Step& step, const Who& who) const {
    // Slices of devices are given to nodes by their own authorizer alone.
    const bool is_slice = step.words.What() == "resourceslices";
    const bool may_as_node = who.node && (is_slice || node_role_.Allow(step.words));
    if (may_as_node && outcome == Outcome::kRefused) return true;
    if (!may_as_node && !who.rights.Allow(step.words)) return outcome == Outcome::kRefused;
    Words create = step.words;
    create.verb = "create";
    if (step.wants_create && step.allowed == Outcome::kServed && !who.rights.Allow(create)) {
      return outcome == Outcome::kMayNotCreate;
    }
    return outcome == step.allowed;
  }

  void Walk(const std::vector<Step>& steps) {
    int wrong = 0;
    for (const Step& step : steps) {
      ++steps_;
      for (size_t at = 0; at < who_.size(); ++at) {
        const Who& who = who_[at];
        if (!who.asks_all && (steps_ + at) % kTurns != 0) continue;
        ++asked_;
        const http::Response response = Send(step, who);
        const Outcome outcome = OutcomeOf(response, step, who);
        if (IsRight(outcome, step, who)) continue;
        ADD_FAILURE() << who.label << ": " << step.method << " " << step.path << " "
                      << step.upgrade << "\n  words: " << step.words.Text(who.user.name)
                      << "\n  expected if allowed: " << static_cast<int>(step.allowed)
                      << ", got: " << static_cast<int>(outcome) << " (" << response.status << " "
                      << response.body.substr(0, 300) << ")";
        if (++wrong == 20) return;
      }
    }
  }

  static constexpr size_t kTurns = 3;
  size_t steps_ = 0;
  size_t asked_ = 0;
  Rights::Documents documents_;
  Rights node_role_;
  std::vector<Who> who_;
};

TEST_F(RouteWalkTest, EverythingListedIsServedToWhoMayAndNothingElseToAnybody) {
  const auto all = Discover();
  ASSERT_GT(all.size(), 60u);
  const Revision before = store_->Current();
  for (const Listed& listed : all) {
    Generator generator;
    generator.AddAll(listed);
    Walk(generator.steps);
    if (HasFailure()) break;
  }
  RecordProperty("requests", std::to_string(asked_));
  EXPECT_GT(asked_, 50'000u);
  EXPECT_EQ(store_->Current(), before) << "a dry run has written";
}

TEST_F(RouteWalkTest, APathThatNamesAVerbAloneIsRefusedBeforeAnybodyIsKnown) {
  for (const char* path : {"/api/v1/watch", "/api/v1/watch/", "/api/v1/proxy",
                           "/apis/apps/v1/watch", "/apis/nonsense/v1/proxy/"}) {
    for (const Who& who : who_) {
      const Step step{"GET", path, {}, Outcome::kUnreadable};
      const auto response = Send(step, who);
      EXPECT_EQ(OutcomeOf(response, step, who), Outcome::kUnreadable) << who.label << " " << path;
      EXPECT_EQ(response.body,
                fmt::format("Internal Server Error: \"{0}\": failed to create RequestInfo: unable "
                            "to determine kind and namespace from url, {0}\n",
                            path));
    }
  }
}

TEST_F(RouteWalkTest, WhatIsNoResourceIsAuthorizedByItsPath) {
  std::vector<Step> steps;
  for (const char* path : {"/", "/api", "/api/", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1",
                           "/healthz", "/livez/ping", "/metrics", "/version", "/version/",
                           "/openapi/v2", "/openid/v1/jwks", "/.well-known/openid-configuration"}) {
    const Words words{.verb = "get", .path = path};
    steps.push_back({"GET", path, words, Outcome::kServed});
  }
  for (const char* path : {"/nonsense", "/apis/nonsense", "/apis/nonsense/v1", "/api/v9", "//api",
                           "//apis/apps/v1", "/apis//v1", "/apis//"}) {
    const Words words{.verb = "get", .path = path};
    steps.push_back({"GET", path, words, Outcome::kNoPath});
  }
  for (const char* path : {"/version", "/metrics", "/api", "/api/v1", "/apis/apps/v1"}) {
    for (const char* method : {"HEAD", "POST", "PUT", "DELETE", "OPTIONS"}) {
      std::string verb(method);
      for (char& c : verb) c = static_cast<char>(std::tolower(c));
      steps.push_back({method, path, {.verb = verb, .path = path}, Outcome::kNoMethod});
    }
  }
  Walk(steps);
}

}  // namespace
}  // namespace skiff
