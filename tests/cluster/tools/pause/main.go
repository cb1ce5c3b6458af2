// Command pause keeps a pod's sandbox alive until it is told to stop. It is the only process of the
// sandbox image, so it is PID 1 there and must handle the signal itself.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	<-stop
}
