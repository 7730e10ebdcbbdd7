#include "e2e/cli_harness.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/mutex.h"
#include "cli/program.h"

namespace skiff {
namespace {

// The cluster's own transport outlives the sessions that are given one.
class BorrowedTransport final : public Transport {
 public:
  BorrowedTransport(TestCluster& cluster, bool settles) : cluster_(cluster), settles_(settles) {}
  http::Response Send(http::Request request) override {
    const bool writes = request.method != "GET";
    http::Response response = cluster_.transport().Send(std::move(request));
    if (writes && settles_) cluster_.RunUntilIdle();
    return response;
  }

 private:
  TestCluster& cluster_;
  const bool settles_;
};

}  // namespace

std::vector<std::string> ShellWords(const std::string& line) {
  std::vector<std::string> words;
  char quote = 0;
  bool open = false;
  for (const char c : line) {
    if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        words.back() += c;
      }
      continue;
    }
    if (c == ' ') {
      open = false;
      continue;
    }
    if (!open) words.emplace_back();
    open = true;
    if (c == '\'' || c == '"') {
      quote = c;
    } else {
      words.back() += c;
    }
  }
  return words;
}

CliCluster::CliCluster(TestCluster::Options options) : cluster_(std::move(options)) {
  cluster_.Apply("{apiVersion: v1, kind: ServiceAccount, metadata: {name: default}}");
  // A kubeconfig of the machine's may not be read.
  variables_["KUBECONFIG"] = "/dev/null";
}

Ran CliCluster::Run(const std::string& line, const std::string& input) {
  return RunWords(ShellWords(line), input);
}

Ran CliCluster::RunWords(std::vector<std::string> words, const std::string& input) {
  Mutex mutex;
  Ran ran;
  cli::Environment environment{
      .out =
          [&](std::string_view text) {
            const MutexLock lock(mutex);
            ran.out += text;
          },
      .err =
          [&](std::string_view text) {
            const MutexLock lock(mutex);
            ran.err += text;
          },
      .read_input = [&] { return input; },
      .variable =
          [&](const std::string& name) {
            const auto found = variables_.find(name);
            return found == variables_.end() ? "" : found->second;
          },
      .connect = [&](const HttpsOptions&) -> Result<std::unique_ptr<Transport>> {
        return std::make_unique<BorrowedTransport>(cluster_, settles_);
      },
      .pause = [&](Duration duration) { cluster_.RunFor(duration); },
      .clock = cluster_.clock()};
  const std::string verb = words.at(0);
  words.erase(words.begin());
  ran.code = cli::RunCli(environment, verb, words);
  return ran;
}

std::string CliCluster::Out(const std::string& line, const std::string& input) {
  const Ran ran = Run(line, input);
  EXPECT_EQ(ran.code, 0) << line << "\n" << ran.err;
  return ran.out;
}

std::string CliCluster::Error(const std::string& line, const std::string& input) {
  const Ran ran = Run(line, input);
  EXPECT_EQ(ran.code, 1) << line;
  EXPECT_EQ(ran.out, "") << line;
  return ran.err;
}

Json CliCluster::Object(const std::string& type_and_name, const std::string& namespace_) {
  const Ran ran = Run("get " + type_and_name + " -o json -n " + namespace_);
  return ran.code == 0 ? Json::parse(ran.out) : Json();
}

ScratchFolder::ScratchFolder() {
  std::string form = (std::filesystem::temp_directory_path() / "skiff-cli-XXXXXX").string();
  path_ = mkdtemp(form.data()) ? form : "";
  EXPECT_NE(path_, "");
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;  // Nothing depends on it.
  std::filesystem::remove_all(path_, ignored);
}

std::string ScratchFolder::Write(const std::string& name, const std::string& text) const {
  std::string path = path_ + "/" + name;
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

}  // namespace skiff
