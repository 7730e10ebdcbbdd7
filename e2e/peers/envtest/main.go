// What every operator's test suite does: envtest of controller-runtime starts a control plane from
// the binaries in $KUBEBUILDER_ASSETS, makes objects in it, and stops it.
package main

import (
	"context"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

func run() error {
	ctx := context.Background()
	environment := &envtest.Environment{}
	environment.ControlPlane.GetAPIServer().Out = os.Stderr
	environment.ControlPlane.GetAPIServer().Err = os.Stderr
	config, err := environment.Start()
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	defer environment.Stop()
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	pods := client.CoreV1().Pods("default")
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "made-by-envtest"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "i"}}},
	}
	if _, err := pods.Create(ctx, pod, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create: %w", err)
	}
	// A user whom envtest makes with a client certificate: RBAC is on, and gives him nothing.
	user, err := environment.ControlPlane.AddUser(envtest.User{Name: "nobody"}, config)
	if err != nil {
		return fmt.Errorf("add user: %w", err)
	}
	asNobody, err := kubernetes.NewForConfig(user.Config())
	if err != nil {
		return err
	}
	if _, err := asNobody.CoreV1().Pods("default").List(ctx, metav1.ListOptions{}); err == nil {
		return fmt.Errorf("a user without roles lists pods")
	}
	kubectl, err := user.Kubectl()
	if err != nil {
		return fmt.Errorf("kubectl: %w", err)
	}
	if _, _, err := kubectl.Run("auth", "whoami"); err != nil {
		return fmt.Errorf("kubectl auth whoami: %w", err)
	}
	if err := environment.Stop(); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "envtest:", err)
		os.Exit(1)
	}
	fmt.Println("envtest: a control plane started, took an object, and stopped")
}
