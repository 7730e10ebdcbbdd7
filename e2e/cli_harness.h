// The verbs as users run them, against a real API server in this process.
//
//   CliCluster cli;
//   const Ran ran = cli.Run("create namespace x");
//   EXPECT_EQ(ran.out, "namespace/x created\n");
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/environment.h"
#include "e2e/harness.h"

namespace skiff {

// What one run of a verb came to.
struct Ran {
  int code = 0;
  std::string out;
  std::string err;
};

class CliCluster {
 public:
  explicit CliCluster(TestCluster::Options options = {.run_controllers = false});

  // `line` is split as a shell does it, with '...' and "..." but nothing else; `input` is standard
  // input. A verb that pauses lets the cluster's time pass.
  Ran Run(const std::string& line, const std::string& input = "");
  Ran RunWords(std::vector<std::string> words, const std::string& input = "");
  // Runs a line that must succeed, and returns what it printed.
  std::string Out(const std::string& line, const std::string& input = "");
  // Runs a line that must fail with exit code 1 and print nothing but an error; returns that.
  std::string Error(const std::string& line, const std::string& input = "");
  // The object as the server has it; null when there is none.
  Json Object(const std::string& type_and_name, const std::string& namespace_ = "default");
  // From now on the cluster comes to rest after each request that changes something, as if much
  // time passed between requests.
  void SettleAfterWrites() { settles_ = true; }
  // An environment variable of the verbs, such as EDITOR.
  void SetVariable(const std::string& name, const std::string& value) { variables_[name] = value; }
  TestCluster& cluster() { return cluster_; }

 private:
  TestCluster cluster_;
  std::map<std::string, std::string> variables_;
  bool settles_ = false;
};

// "a 'b c'" -> a, b c
std::vector<std::string> ShellWords(const std::string& line);

// A folder that goes with its files.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  // Writes the file and returns its path.
  std::string Write(const std::string& name, const std::string& text) const;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace skiff
