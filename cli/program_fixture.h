// For tests of verbs against no server, or one that answers as a test says.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cli/environment.h"
#include "cli/program.h"
#include "client/transport.h"

namespace skiff::cli {

// An environment without any server, unless a test gives it one.
class ProgramTest : public testing::Test {
 protected:
  int Run(const std::string& verb, const std::vector<std::string>& args) {
    out_.clear();
    err_.clear();
    Environment environment = MakeEnvironment();
    return RunCli(environment, verb, args);
  }
  Environment MakeEnvironment() {
    return {.out = [this](std::string_view text) { out_ += text; },
            .err = [this](std::string_view text) { err_ += text; },
            .read_input = [this] { return input_; },
            .variable =
                [this](const std::string& name) {
                  const auto found = variables_.find(name);
                  return found == variables_.end() ? std::string("/nowhere") : found->second;
                },
            .has_variable = [this](const std::string& name) { return variables_.contains(name); },
            .connect = [this](const HttpsOptions& options) -> Result<std::unique_ptr<Transport>> {
              connected_.push_back(options.server);
              if (!server_) return Fail(Reason::kServiceUnavailable, "no server here");
              return std::make_unique<InProcessTransport>(server_);
            },
            .pause = [this](Duration) { ++pauses_; },
            .clock = clock_,
            .program = program_,
            .programs = programs_,
            .kubeconfig_here = kubeconfig_here_,
            .how_to_start = how_to_start_,
            .program_help =
                [this](const std::string& program) {
                  helped_ = program;
                  return program_help_;
                },
            .read_line = [this] { return input_; },
            .browse = browse_,
            .has_colours = has_colours_,
            .columns = columns_};
  }
  const SystemClock clock_;
  std::function<http::Response(const http::Request&)> server_;  // Unset: there is none.
  std::function<bool(const std::string&)> browse_;              // Unset: there is no browser.
  int pauses_ = 0;
  bool has_colours_ = false;                      // A terminal that has some,
  size_t columns_ = 0;                            // and is so wide; 0: none is there.
  std::string input_;                             // What stands on standard input.
  std::map<std::string, std::string> variables_;  // All others are "/nowhere".
  std::string program_ = "kubectl";               // What users call it,
  std::vector<std::string> programs_;             // and what else it is.
  std::string kubeconfig_here_;                   // Of this machine's cluster.
  std::vector<std::string> connected_;            // Servers that were called.
  // Says how the cluster of a kubeconfig and a context is started.
  std::function<std::string(const std::string&, const std::string&)> how_to_start_;
  std::string program_help_;                                    // What each says of itself.
  std::string helped_;                                          // Which was asked last.
  std::string out_;
  std::string err_;
};

// A server of pods, of these kinds of a group's version v1, which are in the category
// "kinds-of-it", and of what it answers at these paths.
inline std::function<http::Response(const http::Request&)> ServerOf(
    const std::string& group, const std::vector<std::pair<std::string, std::string>>& kinds,
    std::map<std::string, std::string> answers) {
  const auto resources = [](const auto& names_and_kinds) {
    Json list = Json::array();
    for (const auto& [name, kind] : names_and_kinds) {
      list.push_back({{"name", name},
                      {"kind", kind},
                      {"namespaced", true},
                      {"categories", {name == "pods" ? "pods-of-it" : "kinds-of-it"}},
                      {"verbs", {"get", "list"}}});
    }
    return Json{{"resources", list}}.dump();
  };
  const Json version = {{"groupVersion", group + "/v1"}, {"version", "v1"}};
  const Json served = {
      {"name", group}, {"versions", Json::array({version})}, {"preferredVersion", version}};
  answers["/api"] = R"({"versions": ["v1"]})";
  answers["/apis"] = Json{{"groups", Json::array({served})}}.dump();
  answers["/api/v1"] = resources(std::map<std::string, std::string>{{"pods", "Pod"}});
  answers["/apis/" + group + "/v1"] = resources(kinds);
  return [answers = std::move(answers)](const http::Request& request) {
    http::Response response;
    const auto found = answers.find(request.path);
    response.status = found == answers.end() ? 404 : 200;
    if (found != answers.end()) response.body = found->second;
    return response;
  };
}

}  // namespace skiff::cli
