/* An Arduino whose bootloader never ends, at a pty: arduino BOOTLOADER.hex
 *
 * Prints the path of the pty.  The firmware runs on simavr, at the speed of the real one.  Whenever
 * it would start the application, as it does when nobody talks to it, it is reset instead.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pty.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <simavr/avr_uart.h>
#include <simavr/sim_avr.h>
#include <simavr/sim_hex.h>

static int master;
static int full;

static void from_avr(struct avr_irq_t *irq, uint32_t value, void *param)
{
    uint8_t byte = value;
    if (write(master, &byte, 1) != 1)
        return; /* Nobody reads: as on a real port, it is lost. */
}

static void xon(struct avr_irq_t *irq, uint32_t value, void *param) { full = 0; }
static void xoff(struct avr_irq_t *irq, uint32_t value, void *param) { full = 1; }

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
    int slave;
    struct termios raw;
    uint32_t size, base, flags = 0;
    uint8_t byte, *boot = read_ihex_file(argv[1], &size, &base);
    avr_t *avr = avr_make_mcu_by_name("atmega328p");

    if (!boot || !avr || openpty(&master, &slave, NULL, NULL, NULL))
        return 1;
    tcgetattr(slave, &raw);
    cfmakeraw(&raw);
    tcsetattr(slave, TCSANOW, &raw);
    fcntl(master, F_SETFL, O_NONBLOCK);
    printf("%s\n", ttyname(slave)); /* The slave stays open: there is a port as long as we live. */
    fflush(stdout);

    avr_init(avr);
    avr->frequency = 16000000;
    memcpy(avr->flash + base, boot, size);
    avr->pc = base;
    avr->codeend = avr->flashend;
    avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
    avr_irq_t *uart = avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), 0);
    avr_irq_register_notify(uart + UART_IRQ_OUTPUT, from_avr, NULL);
    avr_irq_register_notify(uart + UART_IRQ_OUT_XON, xon, NULL);
    avr_irq_register_notify(uart + UART_IRQ_OUT_XOFF, xoff, NULL);

    double began = seconds();
    for (avr_cycle_count_t next = 0;; next += avr->frequency / 1000) {
        while (avr->cycle < next && avr->state < cpu_Done) {
            avr_run(avr);
            if (avr->pc < base)
                avr->pc = base;
        }
        while (!full && read(master, &byte, 1) == 1)
            avr_raise_irq(uart + UART_IRQ_INPUT, byte);
        double ahead = (double)next / avr->frequency - (seconds() - began);
        if (ahead > 0)
            usleep(ahead * 1e6);
    }
}
