// Which Ingresses are a controller's: those of its classes, and those without a class.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/networking_v1.h"

namespace skiff {

// The class that an Ingress names, by its field or by the annotation of old; "" for none.
std::string ClassOfIngress(const networking_v1::Ingress& ingress);

// Of a controller that also serves what names no class, as long as one of its own classes is there
// that is not said to be no default (`is-default-class: "false"`): needs no default class itself.
class IngressClaim {
 public:
  IngressClaim(std::string_view controller,
               const std::vector<std::shared_ptr<const networking_v1::IngressClass>>& classes);
  bool Has(const networking_v1::Ingress& ingress) const;

 private:
  std::set<std::string> names_;
  bool takes_classless_ = false;
};

}  // namespace skiff
