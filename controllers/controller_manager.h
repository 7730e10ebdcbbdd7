// `skiff controller-manager`: flags of kube-controller-manager -> the controllers, against an API
// server that a kubeconfig names, led by a Lease.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "controllers/program.h"

namespace skiff {

struct ControllerManagerFlags {
  std::string kubeconfig = "";
  std::string master = "";
  bool leader_elect = true;
  Duration lease_duration = 15s;
  Duration renew_deadline = 10s;
  Duration retry_period = 2s;
  std::string lease_name = "kube-controller-manager";
  std::string lease_namespace = "kube-system";
  std::string root_ca_file = "";
  ControllerOptions controllers;
  int verbosity = 0;
  std::string logging_format = "text";
};

// Invalid carries kube-controller-manager's text; nullopt after --help was printed.
Result<std::optional<ControllerManagerFlags>> ParseControllerManagerFlags(
    const std::vector<std::string>& args);

// Runs until SIGINT or SIGTERM (0), or until it no longer leads (1).
int ControllerManagerMain(const std::vector<std::string>& args);

}  // namespace skiff
