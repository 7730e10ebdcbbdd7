// A webhook's matchConditions: expressions that all have to be true of a request for the webhook to
// be asked. Compiled once, when the configuration is read.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/cel/program.h"
#include "apiserver/admission/admission.h"
#include "apiserver/auth/authorizer.h"

namespace skiff {

class MatchConditions {
 public:
  MatchConditions() = default;
  // Of the generated structs, in their order.
  template <typename Condition>
  explicit MatchConditions(const std::vector<Condition>& given) {
    for (const auto& condition : given) Add(condition.expression);
  }
  bool empty() const { return conditions_.empty(); }

  struct Inputs {
    const AdmissionRequest& request;
    const KindInfo& kind;  // What it is put as.
    // Documents; null where there is none.
    const Json& object;
    const Json& old_object;
    Authorizer& authorizer;
  };
  // Whether all are true. One that is false decides; else the first reasons why some could not be
  // told are the error's message.
  Result<bool> Hold(const Inputs& inputs) const;

 private:
  struct Condition {
    std::string text;
    std::shared_ptr<const cel::Program> program;  // Null: see `error`.
    std::string error;
  };
  void Add(const std::string& expression);

  std::vector<Condition> conditions_;
};

}  // namespace skiff
