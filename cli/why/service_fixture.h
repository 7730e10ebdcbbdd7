// A Service, and what may be behind it.
#pragma once

#include <string>

#include "cli/why/why_fixture.h"

namespace skiff::cli::why {

inline constexpr char kService[] = R"(
kind: Service
metadata: {name: web}
spec:
  clusterIP: 10.96.0.7
  selector: {app: web, tier: front}
  ports: [{port: 80, targetPort: 8080, protocol: TCP}]
)";
// Labels of a pod that it selects, and the endpoints of one that is ready.
inline constexpr char kOwnLabels[] = "{app: web, tier: front}";
inline constexpr char kOneReady[] = "[{addresses: [10.0.0.1], conditions: {ready: true}}]";

class WhyServiceTest : public WhyTest {
 protected:
  void AddPod(const std::string& name, const std::string& labels, bool ready,
              const std::string& ports = "[{containerPort: 8080, name: http}]") {
    Add("pods", "{kind: Pod, metadata: {name: " + name + ", labels: " + labels +
                    "}, spec: {nodeName: n1, containers: [{name: m, ports: " + ports +
                    "}]}, status: {phase: Running, conditions: [{type: Ready, status: '" +
                    (ready ? "True" : "False") + "'}]}}");
  }
  void AddSlice(const std::string& endpoints) {
    Add("endpointslices",
        "{metadata: {name: web-x, labels: {kubernetes.io/service-name: web}}, endpoints: " +
            endpoints + "}");
  }
};

}  // namespace skiff::cli::why
