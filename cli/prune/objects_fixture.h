// For tests of verbs: a server that keeps objects by their paths, takes patches as merges, and
// remembers what it was asked to do.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "api/codec/json.h"
#include "api/patch/patch.h"
#include "api/select/selector.h"
#include "cli/json_text.h"
#include "cli/program_fixture.h"

namespace skiff::cli {

class ObjectsTest : public ProgramTest {
 protected:
  ObjectsTest() {
    server_ = [this](const http::Request& request) { return Answer(request); };
  }
  // "/api/v1/namespaces/default/configmaps/a"
  void Put(const std::string& path, Json object) {
    object["metadata"]["name"] = path.substr(path.rfind('/') + 1);
    const size_t begin = path.find("/namespaces/");
    const size_t name = begin + 12;
    if (begin != path.npos && path.find('/', name) != path.npos) {
      object["metadata"]["namespace"] = path.substr(name, path.find('/', name) - name);
    }
    if (TextAt(object, "metadata", "uid").empty()) {
      object["metadata"]["uid"] = "uid-" + std::to_string(++uids_);
    }
    objects_[path] = std::move(object);
  }
  static constexpr char kMaps[] = "/api/v1/namespaces/default/configmaps/";

  std::map<std::string, Json> objects_;
  std::set<std::string> forbidden_;  // Collections that may not be read.
  std::vector<std::string> writes_;  // "DELETE /api/...", in order; dry runs with "?dry".

 private:
  static http::Response With(int status, const Json& body) {
    http::Response response;
    response.status = status;
    response.body = DumpJson(body);
    return response;
  }
  static http::Response Failed(int status, const char* reason, const std::string& message) {
    return With(status, {{"kind", "Status"},
                         {"status", "Failure"},
                         {"reason", reason},
                         {"message", message},
                         {"code", status}});
  }
  static std::string Parameter(const http::Request& request, const std::string& name) {
    for (const auto& [key, value] : request.query) {
      if (key == name) return value;
    }
    return "";
  }
  http::Response List(const http::Request& request) {
    const auto selector = LabelSelector::Parse(Parameter(request, "labelSelector"));
    Json items = Json::array();
    for (const auto& [path, object] : objects_) {
      const bool inside = path.starts_with(request.path + "/") &&
                          path.find('/', request.path.size() + 1) == path.npos;
      std::map<std::string, std::string> labels;
      for (const auto& [key, value] : At(object, "metadata", "labels").items()) {
        labels[key] = TextOf(value);
      }
      if (inside && selector && selector->Matches(labels)) items.push_back(object);
    }
    return With(200, {{"kind", "List"}, {"items", items}});
  }
  http::Response Answer(const http::Request& request) {
    const bool dry = !Parameter(request, "dryRun").empty();
    if (request.method != "GET") {
      writes_.push_back(request.method + " " + request.path + (dry ? "?dry" : ""));
    }
    const auto found = objects_.find(request.path);
    if (forbidden_.contains(request.path)) return Failed(403, "Forbidden", "not for you");
    if (request.method == "GET") {
      if (found != objects_.end()) return With(200, found->second);
      return IsObject(request.path) ? Failed(404, "NotFound", "not found") : List(request);
    }
    if (request.method == "DELETE") {
      if (found == objects_.end()) return Failed(404, "NotFound", "not found");
      const Json gone = found->second;
      if (!dry) objects_.erase(found);
      return With(200, gone);
    }
    const auto body = ParseJson(request.body);
    std::string path = request.path;
    if (request.method == "POST") path += "/" + NameOf(*body);
    const Json before = objects_.contains(path) ? objects_[path] : Json::object();
    Json after = ApplyMergePatch(*body, before);
    if (dry) return With(200, after);
    Put(path, std::move(after));
    return With(200, objects_[path]);
  }
  // Names of objects stand behind names of collections, which are plurals, in turn.
  static bool IsObject(const std::string& path) {
    const auto parts = Split(path, '/');  // "", "api", "v1", ...
    const size_t begin = parts[1] == "api" ? 3 : 4;
    return (parts.size() - begin) % 2 == 0;
  }
  int uids_ = 0;
};

}  // namespace skiff::cli
