/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * weir captures nothing with libpcap, nor does libpcap read its files. But libpcap.a's compiler of
 * filters comes with the ways to capture, from D-Bus among others, for which Debian's lacks what it
 * needs. With these here, which nobody calls, none of that is linked: 57 KB.
 */
struct pcap;

#define NO_SOURCE(name)                                                                            \
	struct pcap *name##_create(const char *device, char *error, int *is_ours);                 \
	int name##_findalldevs(void *list, char *error);                                           \
                                                                                                   \
	struct pcap *name##_create(const char *device, char *error, int *is_ours)                  \
	{                                                                                          \
		(void)device, (void)error;                                                         \
		*is_ours = 0;                                                                      \
		return 0;                                                                          \
	}                                                                                          \
                                                                                                   \
	int name##_findalldevs(void *list, char *error)                                            \
	{                                                                                          \
		(void)list, (void)error;                                                           \
		return 0;                                                                          \
	}

NO_SOURCE(bt)
NO_SOURCE(bt_monitor)
NO_SOURCE(dbus)
NO_SOURCE(netfilter)
NO_SOURCE(usb)

struct pcap *pcap_create_interface(const char *device, char *error);
int pcap_platform_finddevs(void *list, char *error);
int pcap_offline_read(struct pcap *p, int n, void *each, unsigned char *arg);

struct pcap *pcap_create_interface(const char *device, char *error)
{
	(void)device, (void)error;
	return 0;
}

int pcap_platform_finddevs(void *list, char *error)
{
	(void)list, (void)error;
	return 0;
}

int pcap_offline_read(struct pcap *p, int n, void *each, unsigned char *arg)
{
	(void)p, (void)n, (void)each, (void)arg;
	return -1;
}
