"""What the kernel gives a container of the machine: control groups, memory, processors, devices."""
