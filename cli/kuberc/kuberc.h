// What users prefer, beside the kubeconfig (~/.kube/kuberc): flags that a verb is to have where
// they are not given, and verbs of their own that stand for others. Both are written into the
// command line, before anything else looks at it.
//
//   apiVersion: kubectl.config.k8s.io/v1beta1
//   kind: Preference
//   defaults: [{command: get, options: [{name: output, default: wide}]}]
//   aliases: [{name: getn, command: get, prependArgs: [nodes]}]
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"

namespace skiff::cli {

struct KubercPlace {
  std::string path;         // "": it is turned off.
  bool is_explicit = false;  // Somebody named it, so that it has to be there.
};

// `named`, else $KUBERC, else ~/.kube/kuberc.
Result<KubercPlace> FindKuberc(const Environment& environment, const std::string& named);

// The command line with what the kuberc says, and in `environment` which credential plugins may
// run. The verb is the first word.
Result<Args> ApplyKuberc(Environment& environment, const Args& args);

// The verbs of its own that the kuberc has; none where it cannot be read. For completion, which has
// no use for trouble: nothing is said of it.
std::vector<std::string> AliasesOfKuberc(Environment environment);

// `alpha kuberc view|set`
int AlphaMain(Environment& environment, const Args& args);

}  // namespace skiff::cli
